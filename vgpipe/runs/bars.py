"""The progress of a run in a terminal: a bar for the job, and a line for each worker; nothing where stderr is piped."""

from __future__ import annotations

import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vgpipe.executor.progress_state import ProgressState, WorkerNow
from vgpipe.runs.bar_lines import Pace, job_line, name_width, now_line
from vgpipe.terminal import stderr_is_terminal

if TYPE_CHECKING:
    from tqdm import tqdm

REFRESH_S, TICK_S = 0.1, 1.0
EDGE = 3
"""Columns left free: a terminal writes `^C` behind a bar, and a line that it has to break stays there."""
ABOVE = 5
"""Lines of a terminal that are not for workers: the job's bar, and the end of the log."""


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
        self._last = "" if new_bar is None else " "  # a notebook keeps the last text behind a bar where there is none
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None
        self._job: tqdm[Any] | None = None
        self._lines: list[tqdm[Any]] = []
        self._state: ProgressState | None = None
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)

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
            for now in _shown(state):
                self._paces[now.name].note(now)
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
        self._keep(0)
        if self._job is not None:
            self._job.close()
        self._job = None

    def _bar(self, position: int) -> tqdm[Any]:
        if self._new_bar is None:
            from tqdm import tqdm

            self._new_bar = tqdm
        return self._new_bar(total=1.0, leave=False, position=position)

    def _tick(self) -> None:
        while not self._ended.wait(TICK_S):
            with self._lock:
                if self._state is not None and time.monotonic() - self._drawn_s >= TICK_S:
                    self._draw(self._state)

    def _is_due(self, state: ProgressState) -> bool:
        before = self._state
        if before is None or before.clips_done != state.clips_done or len(before.workers) != len(state.workers):
            return True
        if not state.workers and (_what(before) != _what(state) or state.step == state.steps):
            return True  # of several workers one has news at any time
        return time.monotonic() - self._drawn_s >= REFRESH_S

    def _draw(self, state: ProgressState) -> None:
        self._drawn_s = time.monotonic()
        shown = _shown(state)
        width = shutil.get_terminal_size().columns - EDGE
        names = name_width([now.name for now in shown], width)
        lines = [(_share(now), now_line(now, self._paces[now.name], width, names)) for now in shown]
        if len(shown) < len(state.workers):
            lines.append((0.0, f"  ... and {len(state.workers) - len(shown)} more"))
        self._job = self._job or self._bar(0)
        self._keep(len(lines))
        lines.insert(0, (state.fraction, job_line(state, self._drawn_s - self._started_s)))
        for bar, (share, line) in zip([self._job, *self._lines], lines, strict=True):
            bar.ncols, bar.nrows, bar.n, bar.bar_format = width, len(lines) + ABOVE, share, f"{line}{self._last}"
            bar.refresh()

    def _keep(self, count: int) -> None:
        """Has as many lines below the job's bar."""
        while len(self._lines) > count:
            self._lines.pop().close()
        while len(self._lines) < count:
            self._lines.append(self._bar(len(self._lines) + 1))


def _shown(state: ProgressState) -> Sequence[WorkerNow]:
    """Returns what runs, a line each, as far as the terminal has lines: of too many workers the first ones."""
    if not state.workers:
        return [_here(state)]
    room = max(1, shutil.get_terminal_size().lines - ABOVE)
    return state.workers if len(state.workers) <= room else state.workers[: max(1, room - 1)]


def _here(state: ProgressState) -> WorkerNow:
    return WorkerNow(
        stage=state.stage,
        clip=state.clip,
        segment=state.segment,
        segments=state.segments,
        step=state.step,
        steps=state.steps,
        loading=state.loading,
    )


def _what(state: ProgressState) -> tuple[object, ...]:
    return state.stage, state.clip, state.segment, state.loading


def _share(now: WorkerNow) -> float:
    return (now.step or 0) / now.steps if now.steps else 0.0
