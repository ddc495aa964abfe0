"""The lines of the progress bars: how far the job is, and what this process, or one of several workers, does now."""

from __future__ import annotations

import time
from datetime import datetime

from vgpipe.executor.downloads import DOWNLOAD
from vgpipe.executor.progress import percent
from vgpipe.executor.progress_state import ProgressState, WorkerNow
from vgpipe.terminal import on_one_line
from vgpipe.units import clock, counted, finish_time, format_size

BAR = "{bar}"
MIN_NAME, MAX_NAME, NAME_END = 14, 36, 9
BESIDE_NAME = 40
"""Columns that a line needs beside the name of the clip."""
LEAST_ROOM = 4
"""With fewer columns the line of a worker has its steps rather than its clip."""
WORKER_SHARE = 4
"""The name of a worker has at most this part of a line, and at least `MIN_NAME` columns."""
SHOWN_FROM_S = 2.0


class Pace:
    """How long what runs now has taken, or takes per step."""

    def __init__(self) -> None:
        self._what: tuple[object, ...] = ()
        self._steps: int | None = None
        self._first_step = self._step = 0
        self._since_s = self._first_s = self._last_s = 0.0

    def note(self, now: WorkerNow) -> None:
        """Notes what runs now and when; neither earlier steps nor loading count as the pace of a step."""
        now_s = time.monotonic()
        what = (now.stage, now.clip, now.segment, now.loading)
        if what != self._what:
            self._what, self._since_s, self._steps = what, now_s, None
        if now.step is not None and self._steps != now.steps:
            self._steps, self._first_step, self._first_s = now.steps, now.step, now_s
        if (now.step or 0) != self._step:  # else it is news of another worker
            self._step, self._last_s = now.step or 0, now_s

    def shown(self) -> str:
        """Returns seconds per step, or where no steps are counted the time so far; empty in the first moments."""
        if self._steps is None:
            taken_s = time.monotonic() - self._since_s
            return f" {clock(taken_s)}" if taken_s >= SHOWN_FROM_S else ""
        made = self._step - self._first_step
        if made < 1:
            return ""
        step_s = (self._last_s - self._first_s) / made
        return f" {step_s:.1f} s/step" if step_s >= 1 else f" {1 / max(step_s, 1e-3):.1f} steps/s"


def job_line(state: ProgressState, taken_s: float) -> str:
    """Returns the line of the job, a format of tqdm.

    Args:
        state: how far it is.
        taken_s: seconds since it began.
    """
    done = f"{state.clips_done}/{counted(state.clips, 'clip')} {percent(state.fraction):>4}"
    return f"{done}|{BAR}| {clock(taken_s)}, {_left(state)}"


def now_line(now: WorkerNow, pace: Pace, width: int, name_width: int = 0) -> str:
    """Returns the line of what runs now, a format of tqdm.

    Args:
        now: what runs.
        pace: how long it takes.
        width: columns of the terminal.
        name_width: columns of the name of a worker; 0 where there is one process alone.
    """
    name = f"{shortened(now.name, name_width):<{name_width}} " if name_width else ""
    what = literal(f"  {name}{_title(now, width - len(name))}")
    if now.loading:
        return f"{what}: loading {literal(now.loading)}{pace.shown()}"[: width - 1]
    if now.steps is None:
        return f"{what}{pace.shown()}"[: width - 1]  # tqdm cuts what has a bar alone
    if now.stage == DOWNLOAD:
        return f"{what} {format_size(now.step or 0)} of {format_size(now.steps)}|{BAR}|"
    return f"{what} {now.step}/{now.steps} steps|{BAR}|{pace.shown()}"


def name_width(names: list[str], width: int) -> int:
    """Returns the columns that the names of workers get; 0 where there are none.

    Args:
        names: of the workers that are shown.
        width: columns of the terminal.
    """
    return min(max(map(len, names), default=0), max(MIN_NAME, width // WORKER_SHARE))


def literal(text: str) -> str:
    """Returns text as tqdm's formats want it."""
    return on_one_line(text).replace("{", "{{").replace("}", "}}")


def shortened(name: str, width: int = MAX_NAME) -> str:
    """Returns a clip's name with its digest, the middle left out where it is longer than `width` columns."""
    return name if len(name) <= width else f"{name[: width - NAME_END - 3]}...{name[-NAME_END:]}"


def _left(state: ProgressState) -> str:
    if state.eta_s is None or state.finish_at is None:
        return "ETA ?"
    now = datetime.now().astimezone()
    return f"ETA {clock(max(0.0, (state.finish_at - now).total_seconds()))} at {finish_time(state.finish_at, now)}"


def _title(now: WorkerNow, width: int) -> str:
    segment = f" segment {now.segment}/{now.segments}" if now.segments else ""
    room = width - BESIDE_NAME - len(segment)
    if not now.name:
        return f"{now.stage} {shortened(now.clip, max(MIN_NAME, min(MAX_NAME, room)))}{segment}".rstrip()
    clip = f" {shortened(now.clip, max(MIN_NAME, min(MAX_NAME, room)))}" if now.clip and room >= LEAST_ROOM else ""
    return f"{now.stage or ('waiting' if now.device else 'starting')}{clip}{segment}"
