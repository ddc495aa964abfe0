"""Which values of the configs an axis changes, and which differ without one."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.report.grid.axes import Axis
from vgpipe.report.grid.settings import RunSettings

MAX_SETTINGS = 60

Lines = list[list[str | None]]
"""A line per setting: its key, then its values."""


def changes_of(axes: Sequence[Axis], runs: Sequence[RunSettings]) -> tuple[list[Lines], Lines]:
    """Returns the settings that differ between runs.

    Args:
        axes: of the grid.
        runs: in the order of the axes' `at`.

    Returns:
        For each axis the settings that it alone decides, with a value for each of its values; and the other settings,
        with a value for each run.
    """
    of_axes: list[Lines] = [[] for _ in axes]
    others: Lines = []
    keys = dict.fromkeys(key for run in runs for key in run.values)
    for key in keys:
        values = [run.values.get(key) for run in runs]
        if len(set(values)) < 2:
            continue
        number = next((number for number, axis in enumerate(axes) if axis.decides(values)), None)
        if number is None:
            others.append([key, *values])
        elif key not in (axes[number].key, f"{axes[number].key}.name"):
            axis = axes[number]
            of_axes[number].append([key, *(values[axis.at.index(at)] for at in range(len(axis.values)))])
    return [lines[:MAX_SETTINGS] for lines in of_axes], others[:MAX_SETTINGS]
