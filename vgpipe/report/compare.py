"""The comparison page: rows are prompts with a seed, columns are runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from vgpipe.report.build import STYLES, asset, read_config, rendered, script
from vgpipe.report.cards import card
from vgpipe.report.figures import figures
from vgpipe.report.forecast import STAGES
from vgpipe.report.media import Media
from vgpipe.report.values import counted, text_of
from vgpipe.store.durable import replace_file
from vgpipe.store.rundir import RunDir

Card = dict[str, Any]
NAME = "comparison.html"
VARIABLE = "vgpipeComparison"
MAX_SETTINGS = 60
SCRIPTS = ("elements.js", "theme.js", "media.js", "figures.js", "together.js", "compare.js")


def build_comparison(runs: Sequence[RunDir], target: Path) -> Path:
    """Writes the page that shows runs beside each other, at once.

    Args:
        runs: at least one; in the order of the columns.
        target: where the page goes; its folder exists.

    Returns:
        `target`.

    Raises:
        UsageError: where a directory holds no run.
        StoreError: where the page cannot be written.
    """
    scripts = [script(comparison(runs, target.parent), VARIABLE)]
    scripts += [asset(f"templates/{name}") for name in SCRIPTS]
    title = f"{counted(len(runs), 'run')} beside each other"
    text = rendered("comparison.html.j2", title, scripts, [asset(STYLES[1])])
    replace_file(target, text.encode())
    return target


def comparison(runs: Sequence[RunDir], folder: Path) -> dict[str, Any]:
    """Returns all that the comparison page shows, as plain values.

    Args:
        runs: in the order of the columns.
        folder: where the page lies.

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
    """Returns the names of the directories, with their parents' where two would be the same."""
    paths = [run.root.resolve() for run in runs]
    short = [path.name for path in paths]
    return short if len(set(short)) == len(short) else ["/".join(path.parts[-2:]) for path in paths]


def _rows(columns: Sequence[Sequence[Card]]) -> list[dict[str, Any]]:
    rows: dict[tuple[str | None, str | None, int], list[Card | None]] = {}
    for at, column in enumerate(columns):
        seen: dict[tuple[str | None, str | None], int] = {}
        for clip in column:
            key = (clip.get("prompt"), clip.get("seed"))
            # The same prompt and seed twice in a run, at two sizes say: the second goes with the second of the others.
            seen[key] = seen.get(key, 0) + 1
            rows.setdefault((*key, seen[key]), [None] * len(columns))[at] = _cell(clip)
    return [{"prompt": prompt, "seed": seed, "cells": cells} for (prompt, seed, _), cells in rows.items()]


def _cell(clip: Card) -> Card:
    told = {name: clip.get(name) for name in ("state", "error", "degradations", "files", "fps", "made")}
    cell = {**told, "numbers": _numbers(clip)}
    return {name: value for name, value in cell.items() if value is not None}


def _numbers(clip: Card) -> str:
    seconds, memory = sum(clip.get("seconds", {}).values()), clip.get("peak_vram_gb") or clip.get("peak_ram_gb")
    told = [f"{clip['width']}\u00d7{clip['height']}" if "width" in clip and "height" in clip else None]
    words = (("num_frames", "frame"), ("num_inference_steps", "step"))
    told += [counted(clip[key], word) for key, word in words if key in clip]
    told += [f"{seconds:.2f} s" if seconds else None, f"{memory:.2f} GiB" if memory else None]
    return " \u00b7 ".join(text for text in told if text)


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
    """Returns a row for each figure: its label, then its value in each run."""
    figures: list[tuple[str, Callable[[Sequence[Card]], str]]] = [
        ("clips done", lambda clips: f"{sum(clip['state'] == 'done' for clip in clips)} of {len(clips)}"),
        ("clips degraded", lambda clips: str(sum("degradations" in clip for clip in clips))),
        ("seconds a clip", lambda clips: _mean([sum(clip["seconds"].values()) for clip in clips if "seconds" in clip])),
    ]
    figures += [(f"  {stage}", lambda clips, stage=stage: _mean(_stage(clips, stage))) for stage in STAGES]  # type: ignore[misc]
    for label, key in (("GPU memory, GiB", "peak_vram_gb"), ("RAM of the process, GiB", "peak_ram_gb")):
        figures.append((label, lambda clips, key=key: _largest([clip[key] for clip in clips if key in clip])))  # type: ignore[misc]
    rows = [[label, *[figure(column) for column in columns]] for label, figure in figures]
    return [row for row in rows if any(value not in ("", "0") for value in row[1:])]


def _stage(clips: Sequence[Card], stage: str) -> list[float]:
    return [clip["seconds"][stage] for clip in clips if stage in clip.get("seconds", {})]


def _mean(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" if values else ""


def _largest(values: Sequence[float]) -> str:
    return f"{max(values):.2f}" if values else ""
