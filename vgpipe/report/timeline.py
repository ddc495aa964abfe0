"""Reads events.jsonl: the bars of the timeline chart, its workers, and whether the run has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vgpipe.report.values import float_of, text_of
from vgpipe.report.worker_lanes import WorkerLanes
from vgpipe.vocabulary import STAGES

MAX_BARS, MAX_STAGES = 20_000, 20
STARTS = ("run_started", "attempt_started")
PAUSED, CONTINUED = "paused", "continued"
LOADING, TUNING = "loading", "thread tuning"
"""What a worker's lane calls the time in which it loaded a component, or tried how many threads are fastest."""
BESIDES = {"part_loaded": LOADING, "threads_tried": TUNING}
MADE = ("clip_done", "clip_drafted")
"""What an event is called by which a clip has its files."""

Bar = tuple[str, float, float, str | None]
"""Stage, start, seconds, worker."""


def timeline(events: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], str]:
    """Returns the timeline that the page draws, and how many workers there were; "" where events name none.

    Args:
        events: of events.jsonl, in order, unchecked.

    Returns:
        Of the timeline: `started` (UNIX seconds), `ended` (None while the run continues), for how many `seconds` a
        process was at it (none between its attempts), the `reason` it ended,
        whether it is `paused`, `last`: id of the clip that was finished last, with the UNIX seconds (None before the
        first), `stages` (in the order of the pipeline, unknown ones last), `workers` (see
        `WorkerLanes.values`; empty where events name none), how many `more_workers` have no lane, and `bars`: index
        into `stages`, start in seconds after `started`, seconds, and index into `workers` where there are any. Without
        workers each stage has a lane, with them each worker.
    """
    started = ended = reason = None
    is_paused, last, spans = False, None, _Spans()
    workers, bars, at = WorkerLanes(), [], 0.0
    for event in events:
        kind, time = event.get("event"), float_of(event.get("time"))
        if time is None:
            continue
        started = time if started is None else started
        spans.note(kind, time)
        is_paused = kind == PAUSED or (is_paused and kind not in (CONTINUED, *STARTS))
        if kind in STARTS:
            workers.end(at)  # of the attempt before, which may have been killed
            ended = reason = None
        at = time - started
        worker = workers.note(event, at)
        if kind == "run_ended":
            workers.end(at)
            ended, reason = time, text_of(event.get("reason"))
        if kind in MADE and (clip := text_of(event.get("clip"))):
            last = [clip, time]
        bar = _bar(event, at, worker)
        bars += [bar] if bar else []
    lanes = _by_worker(bars, workers) if workers.order() else _by_stage(bars)
    ends: dict[str, Any] = {"started": started, "ended": ended, "seconds": spans.seconds, "reason": reason}
    ends |= {"paused": is_paused, "last": last}
    return {**ends, **lanes}, workers.summary()


class _Spans:
    """For how long a process was at a run; one that was killed until its last event."""

    def __init__(self) -> None:
        self._before, self._begun, self._last = 0.0, 0.0, 0.0
        self._is_begun = False

    def note(self, kind: object, time: float) -> None:
        """Takes the next event."""
        if kind == STARTS[0] or not self._is_begun:
            self._before, self._begun, self._last = self.seconds, time, time
        self._is_begun = kind != "run_ended"
        self._last = max(self._last, time)

    @property
    def seconds(self) -> float:
        """All of it, up to the last event."""
        return round(self._before + self._last - self._begun, 3)


def _by_stage(bars: list[Bar]) -> dict[str, Any]:
    """Returns bars in a lane for each stage."""
    done = [bar for bar in bars if bar[0] not in BESIDES.values()]
    stages = _stages(stage for stage, *_ in done)
    drawn = [(stages.index(stage), start, seconds) for stage, start, seconds, _ in done if stage in stages]
    return {"stages": stages, "workers": [], "more_workers": 0, "bars": drawn[-MAX_BARS:]}


def _by_worker(bars: list[Bar], workers: WorkerLanes) -> dict[str, Any]:
    """Returns bars in a lane for each worker."""
    lanes, order = workers.values(), workers.order()
    begun = [stage for lane in lanes for stage, *_ in lane["unfinished"]]
    stages = _stages([*(stage for stage, *_ in bars), *begun])
    drawn = [
        (stages.index(stage), start, seconds, order[worker])
        for stage, start, seconds, worker in bars
        if stage in stages and worker in order
    ]
    more = workers.count - len(order)
    return {"stages": stages, "workers": lanes, "more_workers": more, "bars": drawn[-MAX_BARS:]}


def _stages(names: Iterable[str]) -> list[str]:
    """Returns the stages in order: an export may come first in the events, of a clip whose latents were reused."""
    found = list(dict.fromkeys(names))
    order = (LOADING, TUNING, *STAGES)
    return sorted(found, key=lambda stage: order.index(stage) if stage in order else len(order))[:MAX_STAGES]


def _bar(event: Mapping[str, Any], end: float, worker: str | None) -> Bar | None:
    kind = event.get("event")
    stage = event.get("stage") if kind == "stage_done" else BESIDES.get(kind) if isinstance(kind, str) else None
    seconds = float_of(event.get("seconds"))
    if not isinstance(stage, str) or seconds is None or seconds < 0:
        return None
    return stage[:40], round(end - seconds, 3), round(seconds, 3), worker
