"""How workers share the cores of a CPU, by what a trial of thread counts has measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST_GAIN = 1.15
"""How many times as fast several workers must be than one; else one spares the RAM of the others."""


@dataclass(frozen=True, slots=True)
class Share:
    """How workers share the cores of a CPU.

    Attributes:
        workers: how many there are.
        threads: CPU threads of denoising of each.
    """

    workers: int
    threads: int


def best_share(seconds: Mapping[int, float], most: int) -> Share:
    """Returns the workers, and the threads of each, that make the most clips in the same time.

    Args:
        seconds: thread count -> seconds of the same trial in one process, of those that keep the bits; not empty. The
            largest is the number of threads that one process uses.
        most: how many workers there may be.

    Returns:
        One worker with its fastest number of threads, where several are not clearly faster.
    """
    cores = max(seconds)
    alone = min(seconds, key=lambda count: seconds[count])
    best, rate = Share(1, alone), LEAST_GAIN / seconds[alone]
    for count in sorted(seconds, reverse=True):
        workers = min(cores // count, most)
        if workers > 1 and workers / seconds[count] > rate:
            best, rate = Share(workers, count), workers / seconds[count]
    return best


def fair_threads(seconds: Mapping[int, float], workers: int) -> int | None:
    """Returns the threads that each of a given number of workers uses to denoise; None leaves them as they are.

    Args:
        seconds: as `best_share` takes it; empty where no trial was possible.
        workers: how many there are.
    """
    fair = [count for count in seconds if count * workers <= max(seconds)]
    return min(fair, key=lambda count: seconds[count], default=min(seconds, default=None))


def gain_of(seconds: Mapping[int, float], share: Share) -> float:
    """Returns how many times as many steps workers make in the same time as one process at its fastest.

    Args:
        seconds: as `best_share` takes it.
        share: its result.
    """
    return share.workers * min(seconds.values()) / seconds[share.threads]
