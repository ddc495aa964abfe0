"""What events.jsonl says for the charts, and whether the run has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vgpipe.report.forecast import STAGES
from vgpipe.report.values import float_of, text_of

MAX_BARS = 20_000
STARTS = ("run_started", "attempt_started")


def timeline(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what the page draws of a run's events.

    Args:
        events: of events.jsonl, in order; whatever their keys hold.

    Returns:
        `started` (UNIX seconds), `ended` (None while the run goes on), `reason` it ended, `stages` (names, a lane each:
        in the order of the work, then those that are not known) and `bars`: place in `stages`, start in seconds after
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
    """Orders the lanes: a clip whose latents were there already may have been exported before the first denoising."""
    ordered = sorted(stages, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    places = [ordered.index(stage) for stage in stages]
    return {"stages": ordered, "bars": [(places[lane], start, seconds) for lane, start, seconds in bars]}


def _bar(event: Mapping[str, Any], end: float, stages: dict[str, int]) -> tuple[int, float, float] | None:
    stage, seconds = event.get("stage"), float_of(event.get("seconds"))
    if not isinstance(stage, str) or seconds is None or seconds < 0 or len(stages) > 20:
        return None
    return stages.setdefault(stage[:40], len(stages)), round(end - seconds, 3), round(seconds, 3)
