"""The clips that no worker has, in buckets by kind, in order, so that taking one needs no look at the others."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum


@dataclass(slots=True, eq=False)
class Unit:
    """Clips that go out together.

    Attributes:
        kind: of all of them.
        size: work of the whole, relative to other units of its kind; clips of one group share it.
        order: in the job, from 0.
        clips: ids of those to make.
        is_urgent: whether it was at work before, and goes first.
        out: ids of those that a worker still has.
        back: ids of those that a worker has given back, while it has others of the unit.
        took_s: what its clips took so far.
    """

    kind: int
    size: float
    order: int
    clips: list[str]
    is_urgent: bool = False
    out: set[str] = field(default_factory=set)
    back: list[str] = field(default_factory=list)
    took_s: float = 0.0


class Preference(Enum):
    """Which units go first, by what they take."""

    LONGEST = 1
    """So that the last ones are short, and all workers are done at the same time."""
    CHEAPEST = -1
    """So that many are done early."""


class WorkQueue:
    """Units in buckets by kind, those that were at work before first, then those that are preferred.

    Args:
        preference: which these are.

    Attributes:
        clips: how many clips are in it.
        sizes: kind -> sum of the sizes of its units, of kinds that have units.
    """

    def __init__(self, preference: Preference = Preference.LONGEST) -> None:
        self._preference = preference
        self.clips = 0
        self.sizes: dict[int, float] = {}
        self._buckets: dict[int, list[Unit]] = {}

    def put(self, unit: Unit) -> None:
        """Adds a unit."""
        insort(self._buckets.setdefault(unit.kind, []), unit, key=self._rank)
        self.sizes[unit.kind] = self.sizes.get(unit.kind, 0.0) + unit.size
        self.clips += len(unit.clips)

    def take(self, unit: Unit) -> None:
        """Removes a unit that is in it."""
        bucket = self._buckets[unit.kind]
        del bucket[bisect_left(bucket, self._rank(unit), key=self._rank)]
        self.clips -= len(unit.clips)
        if bucket:
            self.sizes[unit.kind] -= unit.size
        else:
            del self._buckets[unit.kind], self.sizes[unit.kind]

    def of(self, kind: int) -> Iterator[Unit]:
        """Yields the units of a kind in the order in which they go; not to be used past a change of the queue."""
        return reversed(self._buckets.get(kind, []))

    def clips_of(self, kind: int) -> list[str]:
        """Returns the clips of a kind in the order in which they go."""
        return [clip for unit in self.of(kind) for clip in unit.clips]

    def in_order(self, price: Callable[[int], float]) -> Iterator[Unit]:
        """Yields the units of all kinds in the order in which they go; not to be used past a change of the queue.

        Args:
            price: returns the seconds of a unit of size 1 of a kind.
        """
        prices = {kind: price(kind) for kind in self._buckets}
        buckets = [reversed(bucket) for bucket in self._buckets.values()]
        if len(buckets) == 1:
            return buckets[0]
        return heapq.merge(*buckets, key=lambda unit: (not unit.is_urgent, -self.weight(unit, prices[unit.kind])))

    def weight(self, unit: Unit, price_s: float) -> float:
        """Returns how much a unit is preferred to others.

        Args:
            unit: which.
            price_s: seconds of a unit of size 1 of its kind.
        """
        return self._preference.value * unit.size * price_s

    def _rank(self, unit: Unit) -> tuple[bool, float, int]:
        return unit.is_urgent, self._preference.value * unit.size, -unit.order
