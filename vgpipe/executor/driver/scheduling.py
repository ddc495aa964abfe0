"""Decides which clips a worker gets next.

Workers pull: whoever has nothing to do gets clips, longest first unless the caller prefers the cheapest, of those
that no worker holds better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vgpipe.executor.driver.choice import Choice, seconds_of
from vgpipe.executor.driver.fleet import Fleet, WorkerType
from vgpipe.executor.driver.playing_out import Lane
from vgpipe.executor.driver.work_queue import Preference, Unit, WorkQueue
from vgpipe.executor.workers.messages import Foreseen

PATIENCE = 0.05
"""Share of a clip's seconds after which a worker that got nothing may ask in earnest again, or waits for others."""
FEW_CLIPS = 2
"""Clips of each worker from which on there is time to make up for who was not there at first."""


@dataclass(frozen=True, slots=True)
class Work:
    """A clip to make.

    Attributes:
        id: of the clip.
        kind: index of its kind in what each worker foresees.
        size: amount of work relative to other clips of its kind.
        group: clips of one group go to one worker, and take as long as one of them; "" for one of its own.
    """

    id: str
    kind: int
    size: float = 1.0
    group: str = ""


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker that is there.

    Attributes:
        units: clip -> its unit, of clips that it has.
        left_s: what is foreseen for its units.
        free_s: when it is foreseen to have nothing to do.
        waits_until_s: until when it waits for workers of which nothing is known yet; None before it asked for clips.
    """

    units: dict[str, Unit] = field(default_factory=dict)
    left_s: float = 0.0
    free_s: float = 0.0
    waits_until_s: float | None = None


class Scheduler:
    """Hands out clips; all times are seconds of one clock of the caller.

    Args:
        works: the clips, in job order.
        wave_size: how many clips a worker takes together; None to size waves by the cost of loading.
        load_share: share of a wave's time that loading may cost.
        preference: which clips go first.
    """

    def __init__(
        self,
        works: Iterable[Work],
        *,
        wave_size: int | None,
        load_share: float,
        preference: Preference = Preference.LONGEST,
    ):
        self._fleet = Fleet(0)
        self._queue = WorkQueue(preference)
        self._choice = Choice(self._queue, self._fleet, wave_size, load_share)
        self._at_work = 0
        self._workers: dict[str, _Worker] = {}
        self._units: dict[str, Unit] = {}
        self._order = itertools.count()
        self._refused: dict[WorkerType, float] = {}
        self.add(works)

    @property
    def queued(self) -> int:
        """How many clips no worker has."""
        return self._queue.clips

    @property
    def at_work(self) -> int:
        """How many clips workers have."""
        return self._at_work

    def add(self, works: Iterable[Work]) -> None:
        """Adds clips; a kind that no worker foresees is held by all."""
        groups: dict[tuple[str, int], Unit] = {}
        for work in works:
            self._fleet.require(work.kind + 1)
            unit = Unit(work.kind, work.size, next(self._order), [])
            if work.group:
                unit = groups.setdefault((work.group, work.kind), unit)
            unit.size = max(unit.size, work.size)
            unit.clips.append(work.id)
            self._units[work.id] = unit
            if not work.group:
                self._queue.put(unit)
        for unit in groups.values():
            self._queue.put(unit)
        self._reconsider()

    def drop(self, clip: str) -> None:
        """Takes a clip that no worker has off the queue: it will not be made."""
        unit = self._units.get(clip)
        if unit is None or unit.out:
            return
        del self._units[clip]
        self._queue.take(unit)
        unit.clips.remove(clip)
        if unit.clips:
            self._queue.put(unit)
        self._reconsider()

    def join(self, worker: str, foreseen: Sequence[Foreseen]) -> None:
        """Notes a worker that takes clips from now on.

        Args:
            worker: its name; a restarted one may have that of before.
            foreseen: what it foresees for each kind.
        """
        self.leave(worker)
        self._workers[worker] = _Worker()
        self._fleet.join(worker, foreseen)
        self._reconsider()

    def leave(self, worker: str) -> list[str]:
        """Notes that a worker is gone for good; returns its clips, which go first from now on."""
        clips = self._take_back(worker)
        self._fleet.leave(worker)
        self._reconsider()
        return clips

    def expect(self, worker: str) -> list[str]:
        """Notes that a worker is gone but is started again, or is started for the first time.

        What it holds best, or may hold best where nothing is known of it yet, waits for it, until it joins or leaves.

        Returns:
            Its clips, which go first from now on.
        """
        clips = self._take_back(worker)
        self._fleet.expect(worker)
        self._reconsider()
        return clips

    def next(self, worker: str, now_s: float) -> list[str]:
        """Returns the clips that a worker is to make now; none where it has some, or others finish the rest sooner.

        To be asked again for a worker that got nothing, at least as often as other workers end clips.
        """
        asking, kind_of_worker = self._workers.get(worker), self._fleet.type_of(worker)
        if asking is None or kind_of_worker is None or asking.units or not self._queue.clips:
            return []
        if now_s < self._refused.get(kind_of_worker, -math.inf):
            return []
        if now_s < (asking.waits_until_s or -math.inf) and not self._fleet.is_complete:
            return []
        first = self._choice.first(kind_of_worker)
        if first is None or self._waits(asking, kind_of_worker, first, now_s):
            return []
        units = self._choice.units(kind_of_worker, first, now_s, lambda: self._lanes(now_s, but=worker))
        if not units:
            self._refused[kind_of_worker] = now_s + PATIENCE * seconds_of(kind_of_worker, first)
        return self._hand_out(asking, kind_of_worker, units, now_s)

    def ended(self, worker: str, clip: str, now_s: float, took_s: float | None = None) -> None:
        """Notes that a worker has made a clip, or failed to.

        Args:
            worker: which.
            clip: which; unknown ones are ignored.
            now_s: the time.
            took_s: seconds of all its stages; None where they say nothing about other clips.
        """
        unit = self._release(worker, clip)
        if unit is None:
            return
        del self._units[clip]
        unit.took_s += took_s or 0.0
        at, kind_of_worker = self._workers[worker], self._fleet.type_of(worker)
        if not unit.out and kind_of_worker is not None:
            at.left_s = at.left_s - seconds_of(kind_of_worker, unit) if at.units else 0.0
            at.free_s = min(at.free_s, now_s + max(at.left_s, 0.0))
            if not unit.back:
                self._fleet.measured(worker, unit.kind, unit.size, unit.took_s)
        self._settle(unit)

    def returned(self, worker: str, clip: str) -> None:
        """Notes that a worker has given a clip back, to be handed out again before others."""
        unit = self._release(worker, clip)
        if unit is not None:
            unit.back.append(clip)
            self._settle(unit)

    def loads(self, worker: str, wave_load_s: float) -> None:
        """Notes what each further wave of a worker spends on loading, seconds."""
        kind_of_worker = self._fleet.type_of(worker)
        if kind_of_worker is not None:
            self._choice.load_s[kind_of_worker.key] = wave_load_s

    def unplaceable(self) -> list[str]:
        """Returns the queued clips that neither a worker that is there nor one that is expected holds."""
        if not self._workers:
            return []
        return [
            clip for kind in self._queue.sizes if self._fleet.is_hopeless(kind) for clip in self._queue.clips_of(kind)
        ]

    def _waits(self, asking: _Worker, of: WorkerType, first: Unit, now_s: float) -> bool:
        """Says whether a worker waits a moment for workers of which nothing is known yet, in a job that is soon done.

        They may be so much faster that they are through with it before this one has made a clip.
        """
        if self._fleet.is_complete or asking.waits_until_s is not None:
            return False
        is_short = FEW_CLIPS * seconds_of(of, first) > self._choice.left_s(of)
        moment_s = PATIENCE * seconds_of(of, first) if is_short and self._fleet.is_known([first.kind]) else 0.0
        asking.waits_until_s = now_s + moment_s
        return moment_s > 0

    def _lanes(self, now_s: float, but: str) -> list[Lane]:
        free: dict[WorkerType, list[float]] = {one: [] for one in self._fleet.types}
        for name, one in self._fleet.type_by_worker.items():
            worker = self._workers[name]
            if name != but:
                late_s = now_s - worker.free_s
                free[one].append(worker.free_s if late_s < 0 else now_s + late_s / 2 if worker.units else now_s)
        return [self._lane(one, times) for one, times in free.items() if times]

    def _lane(self, of: WorkerType, times: list[float]) -> Lane:
        load_s = self._choice.load_s.get(of.key, 0.0)
        return Lane(of.seconds, sorted(one + load_s for one in times))

    def _hand_out(self, to: _Worker, of: WorkerType, units: Sequence[Unit], now_s: float) -> list[str]:
        for unit in units:
            self._queue.take(unit)
            unit.out, unit.took_s = set(unit.clips), 0.0
            to.units |= dict.fromkeys(unit.clips, unit)
            self._at_work += len(unit.clips)
        to.left_s = sum(seconds_of(of, unit) for unit in units)
        to.free_s = now_s + self._choice.load_s.get(of.key, 0.0) + to.left_s
        return [clip for unit in units for clip in unit.clips]

    def _release(self, worker: str, clip: str) -> Unit | None:
        found = self._workers.get(worker)
        unit = found.units.pop(clip, None) if found is not None else None
        if unit is not None:
            unit.out.discard(clip)
            self._at_work -= 1
        return unit

    def _settle(self, unit: Unit) -> None:
        """Queues a unit again of which no worker has a clip, with those of its clips that were given back."""
        if not unit.out and unit.back:
            unit.clips, unit.back, unit.is_urgent = unit.back, [], True
            self._queue.put(unit)
            self._reconsider()

    def _take_back(self, worker: str) -> list[str]:
        clips = list(self._workers[worker].units) if worker in self._workers else []
        for clip in clips:
            self.returned(worker, clip)
        self._workers.pop(worker, None)
        return clips

    def _reconsider(self) -> None:
        self._refused.clear()
