"""The progress of a run in a terminal: a bar for the job, and one for what runs now; nothing where stderr is piped."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vgpipe.executor.downloads import DOWNLOAD
from vgpipe.executor.progress import percent
from vgpipe.executor.progress_state import ProgressState
from vgpipe.terminal import on_one_line, stderr_is_terminal
from vgpipe.units import clock, counted, finish_time, format_size

if TYPE_CHECKING:
    from tqdm import tqdm

BAR = "{bar}"
MIN_NAME, MAX_NAME, NAME_END = 14, 36, 9
BESIDE_NAME = 40
"""Columns that a line needs beside the name of the clip."""
REFRESH_S, TICK_S = 0.1, 1.0
SHOWN_FROM_S = 2.0
EDGE = 3
"""Columns left free: a terminal writes `^C` behind a bar, and a line that it has to break stays there."""


class TerminalBars:
    """Draws how far a run is; a `ProgressListener`.

    As a context manager it takes the bars away at the end. Without a terminal on stderr it draws nothing: there the log
    says what is done. A thread keeps the clocks going while a step, or the loading of a model, takes long.

    Args:
        new_bar: makes a bar, wherever that is shown, as the class `tqdm` does; None for bars on a terminal.
    """

    def __init__(self, new_bar: Callable[..., tqdm[Any]] | None = None) -> None:
        self._draws = new_bar is not None or stderr_is_terminal()
        self._new_bar = new_bar
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None
        self._job: tqdm[Any] | None = None
        self._now: tqdm[Any] | None = None
        self._state: ProgressState | None = None
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._pace = _Pace()

    def __enter__(self) -> TerminalBars:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __call__(self, state: ProgressState) -> None:
        """Shows how far the run is."""
        if not self._draws:
            return
        with self._lock:
            is_due = self._is_due(state)
            self._pace.note(state)
            self._state = state
            if is_due:
                self._draw(state)
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, name="progress bars", daemon=True)
            self._ticker.start()

    def close(self) -> None:
        """Takes the bars away."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        for bar in (self._now, self._job):
            if bar is not None:
                bar.close()
        self._job = self._now = None

    def _bar(self, **options: Any) -> tqdm[Any]:
        if self._new_bar is None:
            from tqdm import tqdm

            self._new_bar = tqdm
        return self._new_bar(**options)

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            with self._lock:
                if self._state is not None and time.monotonic() - self._drawn_s >= TICK_S:
                    self._draw(self._state)

    def _is_due(self, state: ProgressState) -> bool:
        before = self._state
        is_news = before is None or _what(before) != _what(state) or before.clips_done != state.clips_done
        return is_news or state.step == state.steps or time.monotonic() - self._drawn_s >= REFRESH_S

    def _draw(self, state: ProgressState) -> None:
        self._drawn_s = time.monotonic()
        if self._job is None or self._now is None:
            self._job = self._bar(total=1.0, leave=False, position=0)
            self._now = self._bar(total=1.0, leave=False, position=1)
        width = shutil.get_terminal_size().columns - EDGE
        self._job.ncols = self._now.ncols = width
        self._job.n, self._now.n = state.fraction, _share(state)
        self._job.bar_format = self._job_line(state)
        self._now.bar_format = self._now_line(state, width)
        self._job.refresh()
        self._now.refresh()

    def _job_line(self, state: ProgressState) -> str:
        done = f"{state.clips_done}/{counted(state.clips, 'clip')} {percent(state.fraction):>4}"
        return f"{done}|{BAR}| {clock(time.monotonic() - self._started_s)}, {_left(state)}"

    def _now_line(self, state: ProgressState, width: int) -> str:
        what = _literal(f"  {_title(state, width)}")
        if state.loading:
            return f"{what}: loading {_literal(state.loading)}{self._pace.shown()}"[: width - 1]
        if state.steps is None:
            return f"{what}{self._pace.shown()}"[: width - 1]  # tqdm cuts what has a bar alone
        if state.stage == DOWNLOAD:
            return f"{what} {format_size(state.step or 0)} of {format_size(state.steps)}|{BAR}|"
        return f"{what} {state.step}/{state.steps} steps|{BAR}|{self._pace.shown()}"


class _Pace:
    """How long what runs now has taken, or takes per step."""

    def __init__(self) -> None:
        self._what: tuple[object, ...] = ()
        self._steps: int | None = None
        self._first_step = self._step = 0
        self._since_s = self._first_s = self._last_s = 0.0

    def note(self, state: ProgressState) -> None:
        """Notes what runs now and when; neither earlier steps nor loading count as the pace of a step."""
        now_s = time.monotonic()
        if _what(state) != self._what:
            self._what, self._since_s, self._steps = _what(state), now_s, None
        if state.step is not None and self._steps != state.steps:
            self._steps, self._first_step, self._first_s = state.steps, state.step, now_s
        self._step, self._last_s = state.step or 0, now_s

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


def _what(state: ProgressState) -> tuple[object, ...]:
    return state.stage, state.clip, state.segment, state.loading


def _left(state: ProgressState) -> str:
    if state.eta_s is None or state.finish_at is None:
        return "ETA ?"
    now = datetime.now().astimezone()
    return f"ETA {clock(max(0.0, (state.finish_at - now).total_seconds()))} at {finish_time(state.finish_at, now)}"


def _title(state: ProgressState, width: int) -> str:
    segment = f" segment {state.segment}/{state.segments}" if state.segments else ""
    room = width - BESIDE_NAME - len(segment)
    return f"{state.stage} {shortened(state.clip, max(MIN_NAME, min(MAX_NAME, room)))}{segment}".rstrip()


def _share(state: ProgressState) -> float:
    return (state.step or 0) / state.steps if state.steps else 0.0


def _literal(text: str) -> str:
    """Returns text as tqdm's formats want it."""
    return on_one_line(text).replace("{", "{{").replace("}", "}}")


def shortened(name: str, width: int = MAX_NAME) -> str:
    """Returns a clip's name with its digest, the middle left out where it is longer than `width` columns."""
    return name if len(name) <= width else f"{name[: width - NAME_END - 3]}...{name[-NAME_END:]}"
