"""The workers that are there: which kinds of clip each is given, and how long they take on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vgpipe.executor.workers.messages import Fit, Foreseen

ALIKE = 1.05
"""Forecasts within this factor are of devices alike: what is measured on one counts for the others."""
PACE = 1.2
"""A worker that is this much slower than those alike counts as a type of its own."""
MEMORY, LONG_MEMORY = 8, 64
"""Measurements after which a mean forgets the first ones: of one kind, of several."""
NOTABLE = 0.05
"""Relative change of a mean below which seconds are not computed again."""
UNMEASURED = 3
"""Measurements of workers alike before one of them counts as slow."""

Key = tuple[tuple[int, int], ...]


class Mean:
    """A mean that forgets, and the value of it that is in use."""

    def __init__(self, first: float):
        self.value, self.used, self.count = first, first, 0

    def add(self, value: float, prior: int = 0, memory: int = MEMORY) -> bool:
        """Notes a value; returns whether the mean has moved notably from the one in use, which it then becomes.

        Args:
            value: over 0.
            prior: how many values the first one counts for.
            memory: after how many the first ones are forgotten.
        """
        self.count += 1
        self.value += (value - self.value) / min(self.count + prior, memory)
        if abs(self.value - self.used) <= NOTABLE * self.used:
            return False
        self.used = self.value
        return True


@dataclass(slots=True, eq=False)
class WorkerType:
    """Workers that are alike in device and pace.

    Attributes:
        key: of their forecasts.
        pace: steps of `PACE` by which they are slower than others with these forecasts.
        foreseen: for each kind; kinds beyond are held, as far as is known.
        count: how many there are.
        seconds: of each kind, for a clip of size 1; infinite for those that they are not given.
    """

    key: Key
    pace: int
    foreseen: Sequence[Foreseen]
    count: int = 0
    seconds: list[float] = field(default_factory=list)

    def fit(self, kind: int) -> int:
        """Returns how a kind fits."""
        return int(self.foreseen[kind].fit) if kind < len(self.foreseen) else int(Fit.AS_ASKED)

    def foreseen_s(self, kind: int) -> float | None:
        """Returns the seconds foreseen for a kind; None where nothing is known."""
        return self.foreseen[kind].seconds if kind < len(self.foreseen) else None


class Fleet:
    """Knows what the workers that are there can do, and learns how long it takes.

    A kind goes only to workers that hold it best. Seconds are the forecast times what measurements made of it: of this
    kind on devices alike; before the first of all kinds on these; before that of all devices. And times the pace of a
    worker that is slower than those alike.

    Args:
        kinds: how many kinds there are.

    Attributes:
        type_by_worker: what each worker that is there is.
    """

    def __init__(self, kinds: int):
        self.kinds = kinds
        self.type_by_worker: dict[str, WorkerType] = {}
        self._types: dict[tuple[Key, int], WorkerType] = {}
        self._coming: dict[str, WorkerType | None] = {}
        self._unknown: set[str] = set()
        self._base: dict[tuple[Key, int], float] = {}
        self._ratios: dict[tuple[Key, int], Mean] = {}
        self._overall = Mean(1.0)
        self._devices: dict[Key, Mean] = {}
        self._paces: dict[str, Mean] = {}
        self._rates: list[float] = []
        self._best: list[int] = []
        self._is_stale = True

    def require(self, kinds: int) -> None:
        """Makes room for more kinds, of which no worker foresees anything."""
        if kinds > self.kinds:
            self.kinds, self._is_stale = kinds, True

    def join(self, worker: str, foreseen: Sequence[Foreseen]) -> None:
        """Notes a worker that takes clips."""
        self._come(worker)
        pace = self._paces.setdefault(worker, Mean(1.0))  # that of a restarted one holds
        self._enter(worker, self._type(_key(foreseen), _steps(pace), foreseen))

    def leave(self, worker: str) -> None:
        """Notes that a worker is gone, and is not waited for."""
        self._come(worker)
        if worker in self.type_by_worker:
            self.type_by_worker.pop(worker).count -= 1
        self._is_stale = True

    def expect(self, worker: str) -> None:
        """Notes that a worker is gone or not yet there, and will join: what fits it best waits for it."""
        known = self.type_by_worker.get(worker, self._coming.get(worker))
        self.leave(worker)
        self._coming[worker] = known
        if known is None:
            self._unknown.add(worker)

    def type_of(self, worker: str) -> WorkerType | None:
        """Returns what a worker is; None for one that is not there."""
        self._refresh()
        return self.type_by_worker.get(worker)

    @property
    def share_there(self) -> float:
        """How many of the workers that are there or expected are there, over 0 to 1 where any is."""
        return len(self.type_by_worker) / max(1, len(self.type_by_worker) + len(self._coming))

    @property
    def is_complete(self) -> bool:
        """Whether nothing is unknown of the workers that are expected."""
        return not self._unknown

    @property
    def types(self) -> list[WorkerType]:
        """The types of which there are workers."""
        self._refresh()
        return [one for one in self._types.values() if one.count]

    def price_s(self, kind: int) -> float:
        """Returns the seconds in which all workers together would do one clip of size 1; infinite where none can.

        It is large for long kinds, and for those that few workers hold.
        """
        self._refresh()
        return 1 / self._rates[kind] if self._rates[kind] else math.inf

    def is_hopeless(self, kind: int) -> bool:
        """Says whether no worker that is there or expected holds a kind."""
        self._refresh()
        return self._best[kind] <= Fit.NOT

    def is_known(self, kinds: Iterable[int]) -> bool:
        """Says whether the seconds of kinds are more than a guess."""
        return self._overall.count > 0 or all(
            one.foreseen_s(kind) is not None for one in self.types for kind in kinds if one.seconds[kind] < math.inf
        )

    def measured(self, worker: str, kind: int, size: float, seconds: float) -> None:
        """Notes what a unit really took on a worker."""
        found = self.type_by_worker.get(worker)
        if found is None or seconds <= 0:
            return
        ratio = seconds / (self._base_s(found, kind) * size)
        mean = self._ratio(found.key, kind)
        if mean.count >= UNMEASURED:
            self._set_pace(worker, found, ratio / mean.value)
        is_notable = mean.add(ratio / PACE**found.pace)
        self._is_stale |= self._overall.add(ratio, memory=LONG_MEMORY) or is_notable
        of_device = self._devices.setdefault(found.key, Mean(self._overall.used))
        self._is_stale |= of_device.add(ratio, prior=2, memory=LONG_MEMORY)

    def _set_pace(self, worker: str, found: WorkerType, relative: float) -> None:
        pace = self._paces[worker]
        pace.add(relative, prior=1)
        steps = _steps(pace)
        if steps != found.pace:
            found.count -= 1
            self._enter(worker, self._type(found.key, steps, found.foreseen))

    def _come(self, worker: str) -> None:
        self._coming.pop(worker, None)
        self._unknown.discard(worker)

    def _enter(self, worker: str, into: WorkerType) -> None:
        into.count += 1
        self.type_by_worker[worker] = into
        self._is_stale = True

    def _type(self, key: Key, pace: int, foreseen: Sequence[Foreseen]) -> WorkerType:
        return self._types.setdefault((key, pace), WorkerType(key, pace, foreseen))

    def _refresh(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        types = [one for one in self._types.values() if one.count]
        best = self._best = [self._best_fit(kind) for kind in range(self.kinds)]
        for one in types:
            one.seconds = [
                self._seconds(one, kind) if one.fit(kind) == best[kind] > Fit.NOT else math.inf
                for kind in range(self.kinds)
            ]
        self._rates = [sum(one.count / one.seconds[kind] for one in types) for kind in range(self.kinds)]

    def _best_fit(self, kind: int) -> int:
        if self._unknown:
            return int(Fit.AS_ASKED)
        there = (one.fit(kind) for one in self._types.values() if one.count)
        coming = (one.fit(kind) for one in self._coming.values() if one is not None)
        return max(*there, *coming, int(Fit.NOT), int(Fit.NOT))

    def _seconds(self, one: WorkerType, kind: int) -> float:
        return self._base_s(one, kind) * self._ratio(one.key, kind).used * PACE**one.pace

    def _ratio(self, key: Key, kind: int) -> Mean:
        """Returns what measurements made of a forecast; before the first that of other kinds, or of all devices."""
        prior = self._devices.get(key, self._overall).used
        found = self._ratios.setdefault((key, kind), Mean(prior))
        if not found.count:
            found.value = found.used = prior
        return found

    def _base_s(self, one: WorkerType, kind: int) -> float:
        """Returns the forecast; where there is none that of other workers, or of other kinds, or 1 s."""
        if (one.key, kind) not in self._base:
            others = [other.foreseen_s(kind) for other in self._types.values()]
            kinds = [one.foreseen_s(other) for other in range(self.kinds)]
            self._base[one.key, kind] = one.foreseen_s(kind) or _mean(others) or _mean(kinds) or 1.0
        return self._base[one.key, kind]


def _key(foreseen: Sequence[Foreseen]) -> Key:
    return tuple((int(one.fit), round(math.log(one.seconds, ALIKE)) if one.seconds else -(10**6)) for one in foreseen)


def _steps(pace: Mean) -> int:
    return round(math.log(pace.value, PACE))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value]
    return sum(known) / len(known) if known else None
