"""When the last clip is done, where workers of different speed each take the next one as soon as they are free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HALVINGS = 20
"""Of the interval that holds the result: a millionth of it is left."""


@dataclass(frozen=True, slots=True)
class InHand:
    """What a worker has begun.

    Attributes:
        rest_s: of its clip, in seconds of a worker of speed 1; 0 without one.
        speed: how fast it is; above 0.
    """

    rest_s: float
    speed: float


def shared_s(workers: Sequence[InHand], clips: int, work_s: float) -> float:
    """Returns the seconds until all clips are done.

    A clip is on one worker from its start to its end, so that the last ones leave the others idle.

    Args:
        workers: those that take clips; at least one.
        clips: that are not done, those in hand included.
        work_s: all work that is left, in seconds of a worker of speed 1.
    """
    waiting = max(0, clips - sum(one.rest_s > 0 for one in workers))
    begun_s = sum(one.rest_s for one in workers)
    if begun_s and (not waiting or begun_s > work_s):  # the work is counted; what is in hand is guessed from the stage
        workers = [InHand(one.rest_s * work_s / begun_s, one.speed) for one in workers]
        begun_s = work_s
    return _makespan_s(workers, waiting, (work_s - begun_s) / waiting if waiting else 0.0)


def _makespan_s(workers: Sequence[InHand], waiting: int, clip_s: float) -> float:
    begun_s = max(one.rest_s / one.speed for one in workers)
    if clip_s <= 0:
        return begun_s
    together = sum(one.speed for one in workers)
    low, high = 0.0, (sum(one.rest_s for one in workers) + (waiting + len(workers)) * clip_s) / together
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        made = sum(int(max(0.0, middle * one.speed - one.rest_s) / clip_s) for one in workers)
        low, high = (low, middle) if made >= waiting else (middle, high)
    return max(begun_s, high)
