"""Plays out how the rest of a job would be done, each clip by the worker that would finish it first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vgpipe.executor.driver.work_queue import Unit


@dataclass(slots=True)
class Lane:
    """Workers that take equally long.

    Attributes:
        seconds: of each kind, for a clip of size 1; infinite for those that they are not given.
        free_s: a heap of when each of them has nothing to do.
    """

    seconds: Sequence[float]
    free_s: list[float]


def share_of(mine: Lane, others: Sequence[Lane], units: Iterable[Unit], enough: int) -> list[Unit]:
    """Returns what a worker would get of the rest, if each unit went where it is finished first.

    Args:
        mine: the worker.
        others: all other workers; they and `mine` are used up.
        units: in the order in which they go.
        enough: how many clips end the search.
    """
    found: list[Unit] = []
    count = 0
    for unit in units:
        kind, size = unit.kind, unit.size
        soonest_s, by = mine.free_s[0] + mine.seconds[kind] * size, mine
        for lane in others:
            done_s = lane.free_s[0] + lane.seconds[kind] * size
            if done_s < soonest_s:  # of equals this worker gets a unit
                soonest_s, by = done_s, lane
        if soonest_s == math.inf:
            continue
        heapq.heapreplace(by.free_s, soonest_s)
        if by is mine:
            found.append(unit)
            count += len(unit.clips)
            if count >= enough:
                break
    return found
