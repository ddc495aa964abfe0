"""Reads what events.jsonl says of workers: when each was there, on which device, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vgpipe.natural_order import natural_order
from vgpipe.report.values import text_of

READY, DIED, RETIRED = "worker_ready", "worker_died", "worker_retired"
BEGAN, DONE = "stage_began", "stage_done"
MAX_LANES, MAX_KNOWN = 64, 10_000
MAX_NAME, MAX_REASON, MAX_SPANS, MAX_KINDS, MAX_UNFINISHED = 80, 300, 200, 4, 500
LEAST_S = 0.5
"""What was begun and left for sooner was found in the store."""


@dataclass(slots=True)
class _Span:
    """A time in which a worker was there, in seconds after the start of the run."""

    start: float
    end: float | None = None
    how: str = ""
    reason: str = ""


@dataclass(slots=True)
class _Lane:
    """What is known of the workers of one name, one after the other."""

    device: str = ""
    host: str = ""
    clips: int = 0
    spans: list[_Span] = field(default_factory=list)
    unfinished: list[tuple[str, float, float]] = field(default_factory=list)
    at_work: tuple[str, float] | None = None

    def leave_work(self, at: float) -> None:
        """Ends what was begun and is not done."""
        if self.at_work is not None and at - self.at_work[1] >= LEAST_S:
            self.unfinished.append((*self.at_work, at))
            del self.unfinished[:-MAX_UNFINISHED]
        self.at_work = None

    def close(self, at: float, how: str = "", reason: str = "") -> None:
        """Ends the time of the worker that is there, and what it was at."""
        self.leave_work(at)
        if self.spans and self.spans[-1].end is None:
            last = self.spans[-1]
            last.end, last.how, last.reason = at, how, reason


class WorkerLanes:
    """Collects the workers of a run from its events, in order, unchecked."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def note(self, event: Mapping[str, Any], at: float) -> str | None:
        """Notes what an event says of its worker.

        Args:
            event: of events.jsonl.
            at: when it was, in seconds after the start of the run.

        Returns:
            The name of the worker; None where the event names none.
        """
        name, kind = event.get("worker"), event.get("event")
        if not isinstance(name, str) or not name or (name not in self._lanes and len(self._lanes) >= MAX_KNOWN):
            return None
        name = name[:MAX_NAME]
        lane = self._lanes.setdefault(name, _Lane())
        if kind == READY:
            lane.close(at)
            lane.spans.append(_Span(at))
            del lane.spans[:-MAX_SPANS]
            lane.device, lane.host = _text(event.get("device")), _text(event.get("host"))
        elif kind == "clip_done":
            lane.clips += 1
        elif kind == BEGAN:
            lane.leave_work(at)
            stage = _text(event.get("stage"))
            lane.at_work = (stage, at) if stage else None
        elif kind == DONE and lane.at_work is not None and lane.at_work[0] == event.get("stage"):
            lane.at_work = None
        elif kind in (DIED, RETIRED):
            if not lane.spans or lane.spans[-1].end is not None:  # it was never ready
                lane.spans.append(_Span(at))
            lane.close(at, "died" if kind == DIED else "retired", (text_of(event.get("reason")) or "")[:MAX_REASON])
        return name

    def end(self, at: float) -> None:
        """Ends the time of all workers, with that of the attempt."""
        for lane in self._lanes.values():
            lane.close(at)

    @property
    def count(self) -> int:
        """How many workers there are."""
        return len(self._lanes)

    def order(self) -> dict[str, int]:
        """Returns worker -> its lane, of the workers that are drawn."""
        return {name: place for place, name in enumerate(sorted(self._lanes, key=natural_order)[:MAX_LANES])}

    def values(self) -> list[dict[str, Any]]:
        """Returns the lanes as plain values: `name`, `device`, `host`, `clips` that were finished, `spans` (start, end,
        how, reason), and what was begun and is not done, `unfinished`: stage, start, end. An end is None before it.
        """
        return [_lane(name, self._lanes[name]) for name in self.order()]

    def summary(self) -> str:
        """Returns how many workers there were, on what, and how many ended early; empty where events name none."""
        if not self._lanes:
            return ""
        lanes = list(self._lanes.values())
        ends = Counter(span.how for lane in lanes for span in lane.spans)
        early = ", ".join(f"{ends[how]} {how}" for how in ("died", "retired") if ends[how])
        hosts = {lane.host for lane in lanes if lane.host}
        where = f" on {len(hosts)} machines" if len(hosts) > 1 else ""
        return f"{len(lanes)}{where}{_devices(lanes)}{f'; {early}' if early else ''}"


def _lane(name: str, lane: _Lane) -> dict[str, Any]:
    begun = [*lane.unfinished, *([(*lane.at_work, None)] if lane.at_work else [])]
    return {
        "name": name,
        "device": lane.device,
        "host": lane.host,
        "clips": lane.clips,
        "spans": [_values(span) for span in lane.spans],
        "unfinished": [(stage, round(start, 3), None if end is None else round(end, 3)) for stage, start, end in begun],
    }


def _values(span: _Span) -> tuple[float, float | None, str, str]:
    return round(span.start, 3), None if span.end is None else round(span.end, 3), span.how, span.reason


def _text(value: object) -> str:
    return (text_of(value) or "")[:MAX_NAME]


def _devices(lanes: Sequence[_Lane]) -> str:
    kinds = Counter(lane.device for lane in lanes if lane.device).most_common()
    if not kinds:
        return ""
    shown = ", ".join(f"{count} x {device}" for device, count in kinds[:MAX_KINDS]) if len(kinds) > 1 else kinds[0][0]
    return f" ({shown}{', ...' if len(kinds) > MAX_KINDS else ''})"
