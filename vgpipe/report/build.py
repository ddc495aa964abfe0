"""Builds report.html and report-data.js of a run directory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vgpipe.outside_file import read_outside
from vgpipe.report.cards import FINAL_QUALITY, card
from vgpipe.report.commands import PICKS, PROGRAM, pick_line, run_overrides
from vgpipe.report.forecast import facts, memory
from vgpipe.report.media import Media
from vgpipe.report.page import BASE, asset, rendered, script
from vgpipe.report.run_facts import DRAFTED
from vgpipe.report.timeline import timeline
from vgpipe.report.values import list_of, table_of, text_of
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.store.rundir import RunDir
from vgpipe.typed import typed_path
from vgpipe.units import MIB

SCHEMA, MAX_CONFIG_BYTES = 1, 4 * MIB
OWN_SCRIPTS = (
    *("common/elements", "common/icons", "common/theme", "common/copy", "common/media", "common/sound"),
    *("gallery/card", "gallery/lanes", "gallery/charts", "gallery/head", "gallery/filters", "gallery/chips"),
    *("gallery/layout", "gallery/keys", "gallery/data", "marks/marks", "marks/picks", "gallery/page"),
)
SCRIPTS = ("vendor/uPlot.iife.min.js", *(f"templates/{name}.js" for name in OWN_SCRIPTS))
STYLES = ("vendor/uPlot.min.css", BASE, "templates/gallery/gallery.css", "templates/marks/marks.css")
LICENCE = "vendor/uPlot.LICENSE.txt"


def build(run_dir: RunDir, *, with_page: bool = True, records: Sequence[Mapping[str, Any]] | None = None) -> Path:
    """Writes the page of a run as it is now, each file atomically.

    Args:
        run_dir: of the run; need not be locked.
        with_page: False writes only the data, which an open page reloads by itself.
        records: of its clips; None reads them.

    Returns:
        The path of the page.

    Raises:
        UsageError: where the directory holds no run.
        StoreError: where it cannot be written.
    """
    data = script(run_data(run_dir, records))
    run_dir.write_report(gallery_page(title_of(run_dir)) if with_page else None, data)
    return run_dir.report


def title_of(run_dir: RunDir) -> str:
    """Returns what the page of a run is called: the name of its job, if known, and its folder."""
    name = job_of(run_dir)
    folder = run_dir.root.resolve().name
    return f"{name}, {folder}" if name else folder


def job_of(run_dir: RunDir) -> str:
    """Returns the name of a run's job as the user wrote it; empty where it is unknown."""
    started = (event for event in run_dir.read_events() if event.get("event") == "run_started")
    return next((name for event in started if isinstance(name := event.get("job"), str)), "")


def notes_of(run_dir: RunDir) -> list[str]:
    """Returns what a run said at its start about how its job was read."""
    started = (list_of(event.get("notes")) for event in run_dir.read_events() if event.get("event") == "run_started")
    return [text for item in next(filter(None, started), []) if (text := text_of(item))]


def run_data(run_dir: RunDir, records: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Returns everything that the page shows, as plain values of known types.

    Args:
        run_dir: of the run.
        records: of its clips; None reads them.

    Raises:
        UsageError: where the directory holds no run.
    """
    known = run_dir.read_clips(warn=False) if records is None else records
    config, plan = read_config(run_dir), run_dir.read_plan() or {}
    media, extra = Media(run_dir.root), run_overrides(config)
    drawn, workers = timeline(run_dir.read_events())
    return {
        "schema": SCHEMA,
        "run": run_dir.root.resolve().name,
        "key": hashlib.sha256(str(run_dir.root.resolve()).encode("utf-8", "replace")).hexdigest()[:16],
        "written": round(time.time(), 1),
        "facts": [*facts(config, plan), *([("workers", workers)] if workers else [])],
        "notes": notes_of(run_dir),
        "timeline": drawn,
        "memory": memory(plan),
        "sheet": media.url_of(run_dir.contact_sheet.name),
        "pick_line": pick_line(config, FINAL_QUALITY),
        "continue_line": _continue_line(run_dir.root) if any(one.get("state") == DRAFTED for one in known) else None,
        "clips": [card(record, media, extra) for record in known],
    }


def _continue_line(root: Path) -> str:
    """Returns the command line that finishes picked drafts of a run, with `PICKS` in place of their names."""
    return f"{PROGRAM} continue {typed_path(root)} 'pick=[{PICKS}]'"


def read_config(run_dir: RunDir) -> Mapping[str, Any]:
    """Returns the content of config.yaml; empty where it is missing or cannot be read."""
    try:
        return table_of(read_yaml(read_outside(run_dir.config, max_bytes=MAX_CONFIG_BYTES).decode()))
    except (OSError, ValueError, yaml.YAMLError):
        return {}


def gallery_page(title: str, *, home: str = "") -> str:
    """Returns the page of a run, which loads its data from a file in the same folder.

    Args:
        title: of the page; escaped.
        home: address of the page of all runs; "" where there is none.
    """
    scripts, styles = [asset(name) for name in SCRIPTS], [asset(name) for name in STYLES]
    return rendered("gallery/gallery.html.j2", title, scripts, styles, licence=asset(LICENCE), home=home)
