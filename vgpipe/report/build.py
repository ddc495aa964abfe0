"""Builds report.html and report-data.js of a run directory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from vgpipe.outside_file import read_outside
from vgpipe.report.cards import FINAL_QUALITY, card
from vgpipe.report.commands import PICKS, PROGRAM, pick_line, run_overrides
from vgpipe.report.forecast import facts, memory, predicted_ram
from vgpipe.report.media import Media
from vgpipe.report.now import live_of
from vgpipe.report.page import BASE, VIEWER_SCRIPTS, asset, rendered, script
from vgpipe.report.run_facts import DRAFTED
from vgpipe.report.timeline import timeline
from vgpipe.report.values import list_of, table_of, text_of
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir
from vgpipe.typed import shell_quoted
from vgpipe.units import MIB

SCHEMA, MAX_CONFIG_BYTES = 1, 4 * MIB
OWN_SCRIPTS = (
    *("common/elements", "common/icons", "common/theme", "common/copy", "common/media", "common/sound"),
    *(
        "gallery/card",
        "gallery/lanes",
        "gallery/memory",
        "gallery/charts",
        "gallery/standing",
        "gallery/now",
        "gallery/head",
    ),
    *("gallery/filters", "gallery/chips", "gallery/layout", "gallery/playing", "gallery/current"),
    *("gallery/keys", "gallery/data"),
    *("marks/marks", "marks/file", "marks/lists", "marks/picks"),
    *VIEWER_SCRIPTS,
    "gallery/page",
)
SCRIPTS = ("vendor/uPlot.iife.min.js", *(f"templates/{name}.js" for name in OWN_SCRIPTS))
OWN_STYLES = ("gallery/gallery", "gallery/head", "marks/marks", "viewer/viewer")
STYLES = ("vendor/uPlot.min.css", BASE, *(f"templates/{name}.css" for name in OWN_STYLES))
LICENCE = "vendor/uPlot.LICENSE.txt"


def build(
    run_dir: RunDir,
    *,
    with_page: bool = True,
    records: Sequence[Mapping[str, Any]] | None = None,
    written: float | None = None,
) -> Path:
    """Writes the page of a run as it is now, each file atomically.

    Args:
        run_dir: of the run; need not be locked.
        with_page: False writes only the data, which an open page reloads by itself.
        records: of its clips; None reads them.
        written: when, UNIX seconds, where `write_live` follows; None where nobody keeps the page up to date.

    Returns:
        The path of the page.

    Raises:
        UsageError: where the directory holds no run.
        StoreError: where it cannot be written.
    """
    data = run_data(run_dir, records)
    if written is not None:
        data |= {"written": written, "live_file": run_dir.report_live.name}
    run_dir.write_report(gallery_page(title_of(run_dir)) if with_page else None, script(data))
    return run_dir.report


def write_live(run_dir: RunDir, data_written: float) -> None:
    """Writes what a run does at this moment, which takes no longer with more clips.

    Args:
        run_dir: of the run.
        data_written: when the data of the page was written, which it loads again where it has an older one.

    Raises:
        StoreError: where it cannot be written.
    """
    now = {"written": round(time.time(), 1), "data": data_written, "live": live_of(run_dir.root)}
    run_dir.write_live(script(now, "vgpipeLive"))


def title_of(run_dir: RunDir) -> str:
    """Returns what the page of a run is called: the name of its job, if known, and its folder."""
    name = job_of(run_dir)
    folder = run_dir.root.resolve().name
    return f"{name}, {folder}" if name else folder


def job_of(run_dir: RunDir) -> str:
    """Returns the name of a run's job as the user wrote it; empty where it is unknown."""
    return job_in(run_dir.read_events())


def job_in(events: Iterable[Mapping[str, Any]]) -> str:
    """Returns the name of a run's job as the user wrote it; empty where it is unknown.

    Args:
        events: of events.jsonl, unchecked.
    """
    started = (event for event in events if event.get("event") == "run_started")
    return next((name for event in started if isinstance(name := event.get("job"), str)), "")


def notes_of(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns what a run said at its start about how its job was read.

    Args:
        events: of events.jsonl, unchecked.
    """
    started = (list_of(event.get("notes")) for event in events if event.get("event") == "run_started")
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
    events = run_dir.read_events()
    drawn, workers = timeline(events)
    ram_gb = predicted_ram(plan)
    is_drafted = any(one.get("state") == DRAFTED for one in known)
    return {
        "schema": SCHEMA,
        "run": run_dir.root.resolve().name,
        "job": job_in(events),
        "key": hashlib.sha256(str(run_dir.root.resolve()).encode("utf-8", "replace")).hexdigest()[:16],
        "written": _last_news(run_dir),
        "facts": [*facts(config, plan), *([("workers", workers)] if workers else [])],
        "notes": notes_of(events),
        "timeline": drawn,
        "memory": memory(plan, known, events),
        "sheet": media.url_of(run_dir.contact_sheet.name),
        "pick_line": pick_line(config, FINAL_QUALITY),
        **_lines(run_dir.root.resolve(), is_drafted=is_drafted),
        "live": None if drawn["ended"] else live_of(run_dir.root),
        "clips": [card(record, media, extra, ram_gb) for record in known],
    }


def _last_news(run_dir: RunDir) -> float:
    """Returns when a run last said anything, UNIX seconds: now where a process is at it."""
    now = round(time.time(), 1)
    if is_in_use(run_dir.root):
        return now
    times = []
    for path in (run_dir.clips, run_dir.events, run_dir.progress):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return min(now, round(max(times, default=0.0), 1))


def _lines(root: Path, *, is_drafted: bool) -> dict[str, str | None]:
    """Returns the command lines about a run, each with its absolute path, so that it can be typed in any folder.

    Args:
        root: of the run, absolute.
        is_drafted: whether it has drafts; the names of those picked go where `PICKS` is.
    """
    run = shell_quoted(str(root))
    return {
        "resume_line": f"{PROGRAM} resume {run}",
        "unpause_line": f"{PROGRAM} continue {run}",
        "continue_line": f"{PROGRAM} continue {run} 'pick=[{PICKS}]'" if is_drafted else None,
    }


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
