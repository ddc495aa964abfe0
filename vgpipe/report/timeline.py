"""What events.jsonl says for the charts, and whether the run has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vgpipe.report.values import float_of, text_of

MAX_BARS = 20_000
STARTS = ("run_started", "attempt_started")


def timeline(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what the page draws of a run's events.

    Args:
        events: of events.jsonl, in order; whatever their keys hold.

    Returns:
        `started` (UNIX seconds), `ended` (None while the run goes on), `reason` it ended, `stages` (names in order of
        appearance) and `bars`: place in `stages`, start in seconds after `started`, seconds.
    """
    started = ended = reason = None
    stages: dict[str, int] = {}
    bars: list[tuple[int, float, float]] = []
    for event in events:
        kind, time = event.get("event"), float_of(event.get("time"))
        if time is None:
            continue
        started = time if started is None else started
        if kind in STARTS:
            ended = reason = None
        elif kind == "run_ended":
            ended, reason = time, text_of(event.get("reason"))
        elif kind == "stage_done":
            bar = _bar(event, time - started, stages)
            bars += [bar] if bar else []
    return {"started": started, "ended": ended, "reason": reason, "stages": list(stages), "bars": bars[-MAX_BARS:]}


def _bar(event: Mapping[str, Any], end: float, stages: dict[str, int]) -> tuple[int, float, float] | None:
    stage, seconds = event.get("stage"), float_of(event.get("seconds"))
    if not isinstance(stage, str) or seconds is None or seconds < 0 or len(stages) > 20:
        return None
    return stages.setdefault(stage[:40], len(stages)), round(end - seconds, 3), round(seconds, 3)
