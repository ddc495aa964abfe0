"""What the events of a run tell of its attempts, found without parsing the thousands that tell of its clips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vgpipe.report.values import float_of, int_of, table_of, text_of

STATES = ("done", "drafted", "failed", "stopped", "pending")
"""In which a clip can be, as clips.jsonl has them."""
_RUN = b'"event": "run_'
_PAUSED, _CONTINUED = b'"event": "paused"', b'"event": "continued"'


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """The attempts of a run.

    Attributes:
        job: what the user calls the job; "" where no event says so.
        started_at: when it was first started, UNIX seconds; None where no event says so.
        last_at: when its last event was written; None without one.
        seconds: for how long a process was at it, pauses between attempts left out.
        counts: state -> clips, as its orderly end recorded them; None where it has not ended in order.
        reason: why it ended; "" where it has not.
        is_paused: whether the process that was at it last was paused and not continued.
    """

    job: str = ""
    started_at: float | None = None
    last_at: float | None = None
    seconds: float = 0.0
    counts: Mapping[str, int] | None = None
    reason: str = ""
    is_paused: bool = False


def history_of(events: bytes) -> RunHistory:
    """Returns what events.jsonl tells of a run's attempts.

    Args:
        events: the content of the file, of any form: lines that are no events are passed over.
    """
    marks = list(_marks(events))
    if not marks:
        return RunHistory(last_at=_time(_last_line(events, len(events))))
    last_at = _time(_last_line(events, len(events)))
    ended = marks[-1][1] if marks[-1][1].get("event") == "run_ended" else {}
    starts = [event for _, event in marks if event.get("event") == "run_started"]
    return RunHistory(
        job=next((name for one in starts if (name := text_of(one.get("job")))), ""),
        started_at=next((at for one in starts if (at := float_of(one.get("time"))) is not None), None),
        last_at=last_at,
        seconds=sum(_spans(events, marks, last_at)),
        counts=_counts(ended),
        reason=text_of(ended.get("reason")) or "",
        is_paused=events.rfind(_PAUSED) > max(events.rfind(_CONTINUED), marks[-1][0]),
    )


def failed_at(events: bytes) -> dict[str, float]:
    """Returns clip -> when it last failed, UNIX seconds."""
    found = (table_of(event) for _, event in _lines_with(events, b'"event": "clip_failed"'))
    pairs = [(text_of(one.get("clip")), float_of(one.get("time"))) for one in found]
    return {clip: at for clip, at in pairs if clip is not None and at is not None}


def _marks(events: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields where the starts and ends of attempts stand, with the events."""
    for at, event in _lines_with(events, _RUN):
        if event.get("event") in ("run_started", "run_ended"):
            yield at, event


def _lines_with(events: bytes, mark: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields where the lines stand that hold a mark, with what they say; quotes inside of a text are escaped."""
    at = events.find(mark)
    while at != -1:
        start, end = events.rfind(b"\n", 0, at) + 1, events.find(b"\n", at)
        end = len(events) if end == -1 else end
        yield start, _event(events[start:end])
        at = events.find(mark, end)


def _spans(events: bytes, marks: list[tuple[int, Mapping[str, Any]]], last_at: float | None) -> Iterator[float]:
    """Yields the seconds of each attempt; one that was killed ends with the last event before the next one."""
    begun: float | None = None
    for at, event in marks:
        now = float_of(event.get("time"))
        if event.get("event") == "run_ended":
            yield _between(begun, now)
            begun = None
            continue
        if begun is not None:
            yield _between(begun, _time(_last_line(events, at)))
        begun = now
    yield _between(begun, last_at)


def _between(start: float | None, end: float | None) -> float:
    return max(0.0, end - start) if start is not None and end is not None else 0.0


def _last_line(events: bytes, end: int) -> bytes:
    """Returns the last line before a place that is not empty."""
    text = events[:end] if end < len(events) else events
    stop = len(text.rstrip())
    return text[text.rfind(b"\n", 0, stop) + 1 : stop]


def _time(line: bytes) -> float | None:
    return float_of(_event(line).get("time"))


def _event(line: bytes) -> Mapping[str, Any]:
    try:
        return table_of(json.loads(line))
    except (ValueError, RecursionError):
        return {}


def _counts(ended: Mapping[str, Any]) -> dict[str, int] | None:
    counts = {state: int_of(ended.get(state, 0)) for state in STATES}
    known = {state: count for state, count in counts.items() if count is not None and count >= 0}
    return known if ended and len(known) == len(STATES) else None
