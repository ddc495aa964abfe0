"""Which memory strategy a run takes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

RESIDENT_SHARE = 0.25


class Strategy(StrEnum):
    """Where components live while a stage runs."""

    RESIDENT = "resident"
    """Loaded at first use and kept to the end of the run."""
    STAGED = "staged"
    """Loaded for a stage, freed after it."""


def choose(wanted: str, sizes_bytes: Mapping[str, int], free_bytes: int) -> Strategy:
    """Turns `memory.strategy` into a strategy.

    Args:
        wanted: `auto`, `resident` or `staged`.
        sizes_bytes: size of each component's files; loaded at a higher precision they can take twice that.
        free_bytes: memory that components may take.

    Returns:
        What was wanted; for `auto`, resident where all files together take at most a quarter of the free memory,
        which leaves room for a doubling and as much again for activations.
    """
    if wanted != "auto":
        return Strategy(wanted)
    fits = sum(sizes_bytes.values()) <= free_bytes * RESIDENT_SHARE
    return Strategy.RESIDENT if fits else Strategy.STAGED
