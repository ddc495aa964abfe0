"""What the page shows of a clip in the grid: its card, without what its row says and what takes much room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vgpipe.report.cards import Card

MANY_CLIPS = 4000
"""Cells of a larger grid lack what only the viewer shows; the page of their run has it."""
OF_ROW = ("prompt", "pick", "final")
LONG = ("command", "no_command", "checks", "segments", "shots", "given", "measures", "contest")
KEYS = {"frames": "clip.num_frames", "steps": "clip.num_inference_steps", "guidance": "clip.guidance_scale"}
"""Fact of a clip -> the key that sets it alone."""


def cells_of(columns: Sequence[Sequence[Card]]) -> list[list[dict[str, Any]]]:
    """Returns the cells of each run's clips.

    Args:
        columns: the cards of each run.
    """
    left_out = (*OF_ROW, *LONG) if sum(map(len, columns)) > MANY_CLIPS else OF_ROW
    return [
        [{key: value for key, value in clip.items() if key not in left_out} for clip in column] for column in columns
    ]


def facts_of(columns: Sequence[Sequence[Card]]) -> dict[str, list[str]]:
    """Returns how the clips of runs were made, where that differs: what -> for each run, "mixed" if its clips differ.

    Args:
        columns: the cards of each run.
    """
    found = {name: [_common(column, name) for column in columns] for name in ("size", "frames", "steps", "guidance")}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _common(clips: Sequence[Card], name: str) -> str:
    values = {_fact(clip, name) for clip in clips}
    return "mixed" if len(values) > 1 else next(iter(values), "")


def _fact(clip: Card, name: str) -> str:
    if name == "size":
        return f"{clip['width']}\u00d7{clip['height']}" if "width" in clip and "height" in clip else ""
    number = {
        "frames": clip.get("num_frames"),
        "steps": clip.get("num_inference_steps"),
        "guidance": clip.get("guidance_scale"),
    }[name]
    return "" if number is None else f"{number:g}"
