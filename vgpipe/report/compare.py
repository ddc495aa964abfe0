"""The comparison page: clips of several runs on a grid, whose rows are prompts and whose axes are swept settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vgpipe.report.build import job_of
from vgpipe.report.cards import Card, card
from vgpipe.report.figures import figures
from vgpipe.report.grid.axes import Axis
from vgpipe.report.grid.cells import KEYS, cells_of, facts_of
from vgpipe.report.grid.differences import changes_of
from vgpipe.report.grid.layout import layout_of
from vgpipe.report.grid.settings import RunSettings, settings_of
from vgpipe.report.media import Media
from vgpipe.report.page import BASE, VIEWER_SCRIPTS, asset, rendered, script
from vgpipe.report.run_facts import DONE, DRAFTED
from vgpipe.store.durable import replace_file
from vgpipe.store.run_folders import sweep_of
from vgpipe.store.rundir import RunDir
from vgpipe.store.sweep_record import read_missing
from vgpipe.units import counted

NAME = "comparison.html"
VARIABLE = "vgpipeComparison"
NAMES = (
    *("common/elements", "common/icons", "common/theme", "common/copy", "common/media", "common/sound"),
    *VIEWER_SCRIPTS,
    *("comparison/axes", "comparison/together", "comparison/arrange", "comparison/heads"),
    *("comparison/rows", "comparison/scatter", "comparison/tables", "comparison/compare"),
)
SCRIPTS = tuple(f"templates/{name}.js" for name in NAMES)
OWN_STYLES = ("comparison/comparison", "comparison/after", "viewer/viewer")
STYLES = (BASE, *(f"templates/{name}.css" for name in OWN_STYLES))


def build_comparison(runs: Sequence[RunDir], target: Path) -> Path:
    """Writes the page that compares runs, atomically.

    Args:
        runs: at least one, in any order.
        target: path of the page; its folder exists.

    Returns:
        `target`.

    Raises:
        UsageError: where a directory holds no run.
        StoreError: where the page cannot be written.
    """
    replace_file(target, comparison_page(runs, target.parent).encode())
    return target


def comparison_page(runs: Sequence[RunDir], folder: Path) -> str:
    """Returns the page that compares runs.

    Args:
        runs: at least one, in any order.
        folder: of the page.

    Raises:
        UsageError: where a directory holds no run.
    """
    scripts = [script(comparison(runs, folder), VARIABLE)]
    scripts += [asset(name) for name in SCRIPTS]
    names = {job_of(run) for run in runs}
    job = names.pop() if len(names) == 1 else ""
    title = job or f"comparing {counted(len(runs), 'run')}"
    return rendered("comparison/comparison.html.j2", title, scripts, [asset(name) for name in STYLES])


def comparison(runs: Sequence[RunDir], folder: Path) -> dict[str, Any]:
    """Returns everything that the comparison page shows, as plain values.

    Args:
        runs: in any order.
        folder: of the page.

    Raises:
        UsageError: where a directory holds no run.
    """
    media = [Media(run.root, folder) for run in runs]
    columns = [
        [card(one, of_run) for one in run.read_clips(warn=False)] for run, of_run in zip(runs, media, strict=True)
    ]
    settings, names = [settings_of(run) for run in runs], _names(runs)
    layout = layout_of(settings, columns, names)
    changes, others = changes_of(layout.axes, settings)
    return {
        "axes": [_axis(axis, lines) for axis, lines in zip(layout.axes, changes, strict=True)],
        "lines": [
            *([axis.label, *(axis.values[at] for at in axis.at)] for axis in layout.lines),
            *([name, *values] for name, values in facts_of(columns).items() if not _is_axis(name, layout.axes)),
        ],
        "others": others,
        "without": _without_run(runs),
        "figures": figures(columns),
        "runs": [
            _run(number, name, settings[number], columns[number], media[number].url_of(runs[number].report.name))
            | {"at": [axis.at[number] for axis in layout.axes]}
            for number, name in enumerate(names)
        ],
        "rows": [{"prompt": row.prompt, "seed": row.seed} for row in layout.rows],
        "cells": [
            list(zip(row_of, cells, strict=True))
            for row_of, cells in zip(layout.row_of, cells_of(columns), strict=True)
        ],
    }


def _without_run(runs: Sequence[RunDir]) -> list[tuple[str, str]]:
    """Returns the combinations that have no run, where all the runs are of one sweep."""
    folders = {sweep_of(run.root.resolve()) for run in runs}
    folder = folders.pop() if len(folders) == 1 else None
    return read_missing(folder) if folder is not None else []


def _is_axis(fact: str, axes: Sequence[Axis]) -> bool:
    return any(axis.key == KEYS.get(fact) for axis in axes)


def _axis(axis: Axis, changes: list[list[str | None]]) -> dict[str, Any]:
    return {"key": axis.key, "label": axis.label, "values": axis.values, "changes": changes}


def _run(number: int, name: str, settings: RunSettings, clips: Sequence[Card], page: str | None) -> dict[str, Any]:
    states = [clip["state"] for clip in clips]
    return {
        "name": name,
        "page": page,
        "started": settings.started_at or None,
        "clips": len(clips),
        "done": states.count(DONE),
        "drafted": states.count(DRAFTED),
        "degraded": sum("degradations" in clip for clip in clips),
    }


def _names(runs: Sequence[RunDir]) -> list[str]:
    """Returns the names of the directories, with their parents where two would be the same."""
    paths = [run.root.resolve() for run in runs]
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else ["/".join(path.parts[-2:]) for path in paths]
