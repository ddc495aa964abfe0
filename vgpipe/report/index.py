"""The page of all runs below a folder, as a file that needs no server."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgpipe.errors import VgpipeError
from vgpipe.report import compare
from vgpipe.report.build import build
from vgpipe.report.page import BASE, asset, rendered, script
from vgpipe.report.run_entry import RunEntry, order_of, sweeps_in
from vgpipe.store.durable import replace_file
from vgpipe.store.run_folders import run_folders
from vgpipe.store.rundir import RunDir

NAME = "index.html"
VARIABLE = "vgpipeRuns"
STYLES = (BASE, "templates/runs/runs.css")
SCRIPTS = tuple(
    f"templates/{name}.js"
    for name in (
        *("common/elements", "common/icons", "common/theme", "common/copy"),
        *("runs/run-card", "runs/sweep-card", "runs/filters", "runs/runs"),
    )
)


def write_index(folder: Path, typed: str) -> Path:
    """Writes the page of all runs below a folder into that folder, atomically, and the page of each run without one.

    Args:
        folder: usually `outputs`.
        typed: the folder as the user typed it, for the commands, and for the title unless it is the current one.

    Returns:
        The path of the page.

    Raises:
        StoreError: where it cannot be written.
    """
    roots = run_folders(folder)
    for root in roots:
        _build_missing(RunDir(root))
    target = folder / NAME
    title = folder.resolve().name if typed in (".", "./") else typed
    replace_file(target, index_page(title, index_data(folder, typed, roots)).encode())
    return target


def index_page(title: str, data: Mapping[str, Any] | None) -> str:
    """Returns the page of all runs.

    Args:
        title: of the page; escaped.
        data: what it shows, inside the page; None for a page that asks the server it comes from.
    """
    scripts, styles = [asset(name) for name in SCRIPTS], [asset(name) for name in STYLES]
    if data is None:
        return rendered("runs/runs.html.j2", title, scripts, styles, connects="'self'")
    return rendered("runs/runs.html.j2", title, [script(data, VARIABLE), *scripts], styles)


def index_data(folder: Path, typed: str, roots: Sequence[Path]) -> dict[str, Any]:
    """Returns everything that the page shows, as plain values.

    Args:
        folder: that the page lies in.
        typed: the folder as the user typed it.
        roots: directories of the runs below it; one that holds no run any more is left out.
    """
    names = [root.relative_to(folder).parts for root in roots]
    entries = [
        RunEntry(root, parts, os.path.join(typed, *parts)).values() for root, parts in zip(roots, names, strict=True)
    ]
    runs = sorted((values for values in entries if values is not None), key=order_of, reverse=True)
    return {
        "written": round(time.time(), 1),
        "order": [values["folder"] for values in runs],
        "runs": runs,
        "comparisons": [sweep for sweep in sweeps_in(runs) if (folder / sweep / compare.NAME).is_file()],
    }


def _build_missing(run_dir: RunDir) -> None:
    """Builds the page of a run that has none; one that cannot be built is linked all the same, and stays away."""
    if run_dir.report.exists() and run_dir.report_data.exists():
        return
    try:
        build(run_dir)
    except VgpipeError:
        return
