"""Which clips of several runs are in one row: those of one prompt, and of one seed where seeds are not swept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vgpipe.report.cards import Card


class RowKey(NamedTuple):
    """What the clips of a row have in common.

    Attributes:
        prompt: of the clips.
        seed: of the clips; None where those of a row differ in it.
        nth: which clip of that prompt and seed it is in its run, from 1: a job may have the same at two sizes.
    """

    prompt: str | None
    seed: str | None
    nth: int


def row_keys(columns: Sequence[Sequence[Card]], *, seeds_differ: bool) -> list[list[RowKey]]:
    """Returns the row of each clip of each run.

    Args:
        columns: the clips of each run.
        seeds_differ: whether the runs were made with different seeds, so that a row is of a prompt alone; else it is
            where that leaves fewer cells empty.
    """
    by_prompt = [_keys(column, with_seed=False) for column in columns]
    if seeds_differ:
        return by_prompt
    by_seed = [_keys(column, with_seed=True) for column in columns]
    return by_seed if _filled(by_seed) >= _filled(by_prompt) else by_prompt


def _keys(clips: Sequence[Card], *, with_seed: bool) -> list[RowKey]:
    seen: Counter[tuple[str | None, str | None]] = Counter()
    found = []
    for clip in clips:
        same = clip.get("prompt"), clip.get("seed") if with_seed else None
        seen[same] += 1
        found.append(RowKey(*same, seen[same]))
    return found


def _filled(keys: Sequence[Sequence[RowKey]]) -> float:
    """Returns the share of the cells that hold a clip, 0 to 1."""
    rows = len({key for column in keys for key in column})
    return sum(map(len, keys)) / (rows * len(keys)) if rows else 1.0
