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
    lanes = (mine, *others)  # the first of equals gets a unit
    for unit in units:
        if _place(unit, lanes) is mine:
            found.append(unit)
            count += len(unit.clips)
            if count >= enough:
                break
    return found


def end_s(lanes: Sequence[Lane], units: Iterable[Unit]) -> float:
    """Returns when the last unit would be done, or the last worker free; lanes are used up."""
    for unit in units:
        _place(unit, lanes)
    return max((max(lane.free_s) for lane in lanes), default=0.0)


def _place(unit: Unit, lanes: Sequence[Lane]) -> Lane | None:
    best, best_s, kind, size = None, math.inf, unit.kind, unit.size
    for lane in lanes:
        done_s = lane.free_s[0] + lane.seconds[kind] * size
        if done_s < best_s:
            best, best_s = lane, done_s
    if best is not None:
        heapq.heapreplace(best.free_s, best_s)
    return best
