"""What a run does at this moment, for the head of its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from vgpipe.report.run_facts import Now, rendering_of

MAX_SHOWN = 16
"""Workers that the page lists, those at work first."""


class Live(TypedDict):
    """What a run does at this moment.

    Attributes:
        at: when that was written, UNIX seconds.
        fraction: of the work that is done, 0 to 1.
        finish_at: when the run will be done, UNIX seconds; None where nothing tells yet.
        workers: what each does, by the attributes of `Now` that are known; at most `MAX_SHOWN`.
        more_workers: how many are left out.
    """

    at: float
    fraction: float
    finish_at: float | None
    workers: list[dict[str, Any]]
    more_workers: int


def live_of(root: Path) -> Live | None:
    """Returns what the process of a run does, or did when it was killed; None where nothing tells.

    Args:
        root: the run directory.
    """
    rendering = rendering_of(root)
    if rendering is None:
        return None
    busy = sorted(rendering.workers, key=lambda one: not one.stage)
    return {
        "at": round(rendering.at, 1),
        "fraction": round(rendering.fraction, 4),
        "finish_at": None if rendering.finish_at is None else round(rendering.finish_at, 1),
        "workers": [_known(one) for one in busy[:MAX_SHOWN]],
        "more_workers": max(0, len(busy) - MAX_SHOWN),
    }


def _known(now: Now) -> dict[str, Any]:
    names = ("name", "device", "stage", "clip", "loading", "segment", "segments", "step", "steps")
    return {name: value for name in names if (value := getattr(now, name)) not in (None, "")}
