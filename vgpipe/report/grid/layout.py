"""Puts runs on a grid: axes that leave one clip at most in each cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

from vgpipe.report.cards import Card
from vgpipe.report.grid.axes import COMBINATION, FOLDER, RUN, SEED, Axis, axes_of, axis_by
from vgpipe.report.grid.rows import RowKey, row_keys
from vgpipe.report.grid.settings import RunSettings

IN_ROWS = ("clip.prompt", "job")
"""Axes that rows may show already, a prompt each."""
MOST_EMPTY, SMALL = 2, 12
"""A grid of more cells than `SMALL`, and `MOST_EMPTY` times as many as there are runs, is shown as a list of runs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each clip is.

    Attributes:
        axes: of the grid.
        lines: settings that differ, and are no axis since others decide them or the grid would be nearly empty.
        rows: in the order in which the runs have them.
        row_of: for each run, the row of each clip.
    """

    axes: tuple[Axis, ...]
    lines: tuple[Axis, ...]
    rows: tuple[RowKey, ...]
    row_of: tuple[tuple[int, ...], ...]


def layout_of(runs: Sequence[RunSettings], columns: Sequence[Sequence[Card]], names: Sequence[str]) -> Layout:
    """Returns a grid for the clips of runs.

    Args:
        runs: how each was started.
        columns: the clips of each.
        names: what each is called where no setting tells it from another.
    """
    found = axes_of(runs)
    keys = row_keys(columns, seeds_differ=any(axis.key == SEED for axis in found))
    axes = [axis for axis in found if axis.key not in IN_ROWS or _share_rows(axis, keys)]
    lines: list[Axis] = []
    if prod(len(axis.values) for axis in axes) > max(SMALL, MOST_EMPTY * len(runs)):
        axes, lines = [_combinations(axes, runs)], axes
    by_folder = axis_by(FOLDER, [run.parent for run in runs], runs)
    if _collide(axes, keys) and len(by_folder.values) > 1:
        axes = [*axes, by_folder]
    if _collide(axes, keys) or not found:
        axes, lines = [axis_by(RUN, names, runs)], found
        keys = row_keys(columns, seeds_differ=False)
    rows = list(dict.fromkeys(chain.from_iterable(keys)))
    number_of = {key: number for number, key in enumerate(rows)}
    row_of = tuple(tuple(number_of[key] for key in column) for column in keys)
    return Layout(tuple(axes), tuple(lines), tuple(rows), row_of)


def _combinations(axes: Iterable[Axis], runs: Sequence[RunSettings]) -> Axis:
    texts = [" ".join(f"{axis.label}={axis.values[axis.at[at]]}" for axis in axes) for at in range(len(runs))]
    return axis_by(COMBINATION, texts, runs)


def _share_rows(axis: Axis, keys: Sequence[Sequence[RowKey]]) -> bool:
    """Says whether a row is in runs of several values of an axis."""
    value_of: dict[RowKey, int] = {}
    return any(value_of.setdefault(key, at) != at for at, column in zip(axis.at, keys, strict=True) for key in column)


def _collide(axes: Sequence[Axis], keys: Sequence[Sequence[RowKey]]) -> bool:
    """Says whether two clips would be in one cell."""
    cells = [(key, *(axis.at[number] for axis in axes)) for number, column in enumerate(keys) for key in column]
    return len(set(cells)) < len(cells)
