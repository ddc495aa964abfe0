"""Reads events.jsonl: the bars of the timeline chart, and whether the run has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vgpipe.report.values import float_of, text_of
from vgpipe.vocabulary import STAGES

MAX_BARS = 20_000
STARTS = ("run_started", "attempt_started")


def timeline(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the timeline that the page draws.

    Args:
        events: of events.jsonl, in order, unchecked.

    Returns:
        `started` (UNIX seconds), `ended` (None while the run continues), the `reason` it ended, `stages` (a lane each,
        in the order of the pipeline, unknown ones last) and `bars`: index into `stages`, start in seconds after
        `started`, seconds.
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
    return {"started": started, "ended": ended, "reason": reason, **_lanes(list(stages), bars[-MAX_BARS:])}


def _lanes(stages: list[str], bars: list[tuple[int, float, float]]) -> dict[str, Any]:
    """Orders the lanes: an export may come first in the events, of a clip whose latents were reused."""
    ordered = sorted(stages, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    places = [ordered.index(stage) for stage in stages]
    return {"stages": ordered, "bars": [(places[lane], start, seconds) for lane, start, seconds in bars]}


def _bar(event: Mapping[str, Any], end: float, stages: dict[str, int]) -> tuple[int, float, float] | None:
    stage, seconds = event.get("stage"), float_of(event.get("seconds"))
    if not isinstance(stage, str) or seconds is None or seconds < 0 or len(stages) > 20:
        return None
    return stages.setdefault(stage[:40], len(stages)), round(end - seconds, 3), round(seconds, 3)
