"""The comparison page: rows are prompt/seed pairs, columns are runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, TypedDict, cast

from vgpipe.report.build import job_of, read_config
from vgpipe.report.cards import Card, Made, card
from vgpipe.report.figures import figures
from vgpipe.report.media import Media, MediaFile
from vgpipe.report.page import BASE, asset, rendered, script
from vgpipe.report.run_facts import DRAFTED
from vgpipe.report.values import text_of
from vgpipe.store.durable import replace_file
from vgpipe.store.rundir import RunDir
from vgpipe.units import counted
from vgpipe.vocabulary import STAGES

NAME = "comparison.html"
VARIABLE = "vgpipeComparison"
MAX_SETTINGS = 60
SCRIPTS = (
    *("common/elements.js", "common/theme.js", "common/media.js"),
    *("comparison/figures.js", "comparison/together.js", "comparison/compare.js"),
)
STYLES = (BASE, "templates/gallery/gallery.css", "templates/comparison/comparison.css")


class Cell(TypedDict, total=False):
    """What the page shows of a clip of one run."""

    state: str
    draft_steps: int
    num_inference_steps: int
    error: str
    degradations: list[str]
    notes: list[str]
    files: list[MediaFile]
    fps: float
    made: Made
    numbers: str


class Row(TypedDict):
    """A prompt/seed pair, with a cell per run; None where a run lacks it."""

    prompt: str | None
    seed: str | None
    cells: list[Cell | None]


def build_comparison(runs: Sequence[RunDir], target: Path) -> Path:
    """Writes the page that compares runs, atomically.

    Args:
        runs: at least one, in the order of the columns.
        target: path of the page; its folder exists.

    Returns:
        `target`.

    Raises:
        UsageError: where a directory holds no run.
        StoreError: where the page cannot be written.
    """
    scripts = [script(comparison(runs, target.parent), VARIABLE)]
    scripts += [asset(f"templates/{name}") for name in SCRIPTS]
    names = {job_of(run) for run in runs}
    of_job = f"{names.pop()}, " if len(names) == 1 and "" not in names else ""
    title = f"{of_job}comparing {counted(len(runs), 'run')}"
    text = rendered("comparison/comparison.html.j2", title, scripts, [asset(name) for name in STYLES])
    replace_file(target, text.encode())
    return target


def comparison(runs: Sequence[RunDir], folder: Path) -> dict[str, Any]:
    """Returns everything that the comparison page shows, as plain values.

    Args:
        runs: in the order of the columns.
        folder: of the page.

    Raises:
        UsageError: where a directory holds no run.
    """
    columns = [[card(one, Media(run.root, folder)) for one in run.read_clips(warn=False)] for run in runs]
    rows = _rows(columns)
    return {
        "runs": [{"name": name} for name in _names(runs)],
        "settings": _differences([read_config(run) for run in runs]),
        "costs": _costs(columns),
        "figures": figures(columns),
        "rows": rows,
        "shared": sum(None not in row["cells"] for row in rows),
    }


def _names(runs: Sequence[RunDir]) -> list[str]:
    """Returns the names of the directories, with their parents where two would be the same."""
    paths = [run.root.resolve() for run in runs]
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else ["/".join(path.parts[-2:]) for path in paths]


def _rows(columns: Sequence[Sequence[Card]]) -> list[Row]:
    rows: dict[tuple[str | None, str | None, int], list[Cell | None]] = {}
    for at, column in enumerate(columns):
        seen: dict[tuple[str | None, str | None], int] = {}
        for clip in column:
            key = (clip.get("prompt"), clip.get("seed"))
            # A run may have the same prompt and seed twice, at two sizes say: match the second with the others' second.
            seen[key] = seen.get(key, 0) + 1
            rows.setdefault((*key, seen[key]), [None] * len(columns))[at] = _cell(clip)
    return [{"prompt": prompt, "seed": seed, "cells": cells} for (prompt, seed, _), cells in rows.items()]


def _cell(clip: Card) -> Cell:
    shown = ("state", "error", "degradations", "notes", "files", "fps", "made")
    of_draft = ("draft_steps", "num_inference_steps") if clip["state"] == DRAFTED else ()
    values = {name: clip.get(name) for name in (*shown, *of_draft)}
    values["numbers"] = _numbers(clip)
    return cast(Cell, {name: value for name, value in values.items() if value is not None})


def _numbers(clip: Card) -> str:
    seconds, memory = _seconds(clip), clip.get("peak_vram_gb") or clip.get("peak_ram_gb")
    parts = [
        f"{clip['width']}\u00d7{clip['height']}" if "width" in clip and "height" in clip else None,
        counted(clip["num_frames"], "frame") if "num_frames" in clip else None,
        counted(clip["num_inference_steps"], "step") if "num_inference_steps" in clip else None,
        f"{seconds:.2f} s" if seconds else None,
        f"{memory:.2f} GiB" if memory else None,
    ]
    return " \u00b7 ".join(part for part in parts if part)


def _seconds(clip: Card) -> float:
    return sum(clip.get("seconds", {}).values())


def _differences(configs: Sequence[Mapping[str, Any]]) -> list[list[str | None]]:
    flat = [dict(_leaves(config)) for config in configs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    rows: list[list[str | None]] = [[key, *[one.get(key) for one in flat]] for key in keys]
    return [row for row in rows if len(set(row[1:])) > 1][:MAX_SETTINGS]


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, below in value.items():
        name = f"{prefix}{key}"
        if isinstance(below, dict) and name.count(".") < 8:
            yield from _leaves(below, f"{name}.")
        elif below is not None:
            yield name[:200], (text_of(str(below)) or "")[:300]


def _costs(columns: Sequence[Sequence[Card]]) -> list[list[str]]:
    """Returns a row per figure: its label, then its value in each run; without rows that say nothing."""
    rows = [
        ["clips done", *(f"{sum(clip['state'] == 'done' for clip in clips)} of {len(clips)}" for clips in columns)],
        ["clips drafted", *(str(sum(clip["state"] == DRAFTED for clip in clips)) for clips in columns)],
        ["clips degraded", *(str(sum("degradations" in clip for clip in clips)) for clips in columns)],
        ["seconds per clip", *(_mean([_seconds(clip) for clip in clips if "seconds" in clip]) for clips in columns)],
        *([f"  {stage}", *(_mean(_stage(clips, stage)) for clips in columns)] for stage in STAGES),
        ["GPU memory, GiB", *(_largest(clip.get("peak_vram_gb") for clip in clips) for clips in columns)],
        ["RAM of the process, GiB", *(_largest(clip.get("peak_ram_gb") for clip in clips) for clips in columns)],
    ]
    return [row for row in rows if any(value not in ("", "0") for value in row[1:])]


def _stage(clips: Sequence[Card], stage: str) -> list[float]:
    return [clip["seconds"][stage] for clip in clips if stage in clip.get("seconds", {})]


def _mean(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" if values else ""


def _largest(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.2f}" if known else ""
