"""Chooses which clips, and how many, a worker gets that has nothing to do.

The clip that goes first is the one that all workers together would take longest for: it is long, or few workers hold
it; with `run.order=cheapest_first` the one that they would take least for. As long as much is left a worker gets as
many clips as loading demands. Towards the end the rest is played out: a worker gets only what no other would finish
sooner, so that a slow one does not begin the last clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from vgpipe.executor.driver.fleet import Fleet, Key, WorkerType
from vgpipe.executor.driver.playing_out import Lane, share_of
from vgpipe.executor.driver.work_queue import Unit, WorkQueue
from vgpipe.executor.waves import UNMEASURED_WAVE, wave_size

COSTLY_LOAD = 0.05
"""Share of the time left from which on another load costs more than what a forecast is likely to be off."""
AS_GOOD = 0.7
"""A worker takes the longest, or the cheapest, of the kinds that it is good at: at least this much as good as at its
best one."""


class Choice:
    """Chooses from the queue; changes nothing.

    Args:
        queue: what is left.
        fleet: the workers.
        wave_size: how many clips a worker takes together; None to size waves by the cost of loading.
        load_share: share of a wave's time that loading may cost.

    Attributes:
        load_s: of devices alike, what each further wave spends on loading.
    """

    def __init__(self, queue: WorkQueue, fleet: Fleet, wave_size: int | None, load_share: float):
        self._queue, self._fleet = queue, fleet
        self._wave_size, self._load_share = wave_size, load_share
        self.load_s: dict[Key, float] = {}

    def first(self, of: WorkerType) -> Unit | None:
        """Returns the unit that a worker would take first; None where it is given none of those that are left."""
        return next(self._preferred(of), None)

    def units(self, of: WorkerType, first: Unit, now_s: float, others: Callable[[], list[Lane]]) -> list[Unit]:
        """Returns what a worker is to make now; nothing where others finish the rest sooner.

        Args:
            of: what the worker is.
            first: the unit that it would take first.
            now_s: the time.
            others: returns the other workers.
        """
        known_load_s = self.load_s.get(of.key) if self._fleet.is_known([first.kind]) else None
        load_s = known_load_s or 0.0
        most = self._wave_size or self._by_load(known_load_s, seconds_of(of, first))
        left_s = self.left_s(of)
        if load_s + seconds_of(of, first) <= left_s:  # others have enough to do until this worker is done
            return _limited(self._preferred(of), of, most, _portion(left_s, load_s) - load_s)
        mine, units = Lane(of.seconds, [now_s + load_s]), self._queue.in_order(self._fleet.price_s)
        share = share_of(mine, others(), units, 1 if most == 1 else 2 * most)
        share_s = min(left_s, load_s + sum(seconds_of(of, unit) for unit in share))
        return _limited(share, of, most, _portion(share_s, load_s) - load_s)

    def left_s(self, of: WorkerType) -> float:
        """Returns the seconds in which all workers together would do what workers of a type are given.

        Those that are expected count, as if they were as fast as those that are there: the first of many to be ready
        must not take the share of all.
        """
        there_s = sum(self._queue.sizes[kind] * price_s for kind, price_s in self._prices(of).items())
        return there_s * self._fleet.share_there

    def _by_load(self, load_s: float | None, clip_s: float) -> int:
        return UNMEASURED_WAVE if load_s is None else wave_size(load_s, clip_s, self._load_share)

    def _prices(self, of: WorkerType) -> dict[int, float]:
        return {kind: self._fleet.price_s(kind) for kind in self._queue.sizes if of.seconds[kind] < math.inf}

    def _preferred(self, of: WorkerType) -> Iterator[Unit]:
        """Yields the units that workers of a type are given, in the order in which one of them takes them."""
        prices = self._prices(of)
        good_at = {kind: price / of.seconds[kind] for kind, price in prices.items()}
        heads = {unit.kind: (unit, rest) for kind in prices for rest in [self._queue.of(kind)] for unit in [next(rest)]}
        while heads:
            limit = AS_GOOD * max(good_at[kind] for kind in heads)
            unit, rest = max(
                (head for kind, head in heads.items() if head[0].is_urgent or good_at[kind] >= limit),
                key=lambda head: (head[0].is_urgent, self._queue.weight(head[0], prices[head[0].kind])),
            )
            yield unit
            following = next(rest, None)
            if following is None:
                del heads[unit.kind]
            else:
                heads[unit.kind] = (following, rest)


def seconds_of(of: WorkerType, unit: Unit) -> float:
    """Returns what a unit takes on workers of a type, which are given it."""
    return of.seconds[unit.kind] * unit.size


def _limited(units: Iterable[Unit], of: WorkerType, most: int, seconds: float) -> list[Unit]:
    """Returns the first units, at least one where there is any, of at most so many clips and seconds."""
    found: list[Unit] = []
    for unit in units:
        seconds -= seconds_of(of, unit)
        if found and (seconds < 0 or most <= 0):
            break
        found.append(unit)
        most -= len(unit.clips)
    return found


def _portion(whole_s: float, load_s: float) -> float:
    """Returns how much of the time left one hand-out may take: half, so that a wrong forecast leaves some to share."""
    return whole_s if load_s >= COSTLY_LOAD * whole_s else whole_s / 2
