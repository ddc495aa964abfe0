"""The progress of a run in a terminal: a bar for the job, and one for what runs now; nothing where stderr is piped."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vgpipe.executor.downloads import DOWNLOAD
from vgpipe.executor.progress import ProgressState, clock

if TYPE_CHECKING:
    from tqdm import tqdm

JOB_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
STEP_FORMAT = "  {desc} {n_fmt}/{total_fmt} steps|{bar}| {rate_fmt}"
DOWNLOAD_FORMAT = "  {desc} {n_fmt}B/{total_fmt}B|{bar}| {rate_fmt}"
PLAIN_FORMAT = "  {desc}"
MAX_NAME, NAME_END = 36, 9
REFRESH_S = 0.1
DAY = timedelta(days=1)


class TerminalBars:
    """Draws how far a run is; a `ProgressListener`.

    As a context manager it takes the bars away at the end. Without a terminal on stderr it draws nothing: there the log
    says what is done.

    Args:
        new_bar: makes a bar, wherever that is shown, as the class `tqdm` does; None for bars on a terminal.
    """

    def __init__(self, new_bar: Callable[..., tqdm[Any]] | None = None) -> None:
        self._draws = new_bar is not None or sys.stderr.isatty()
        self._new_bar = new_bar
        self._job: tqdm[Any] | None = None
        self._now: tqdm[Any] | None = None
        self._shown: tuple[str, str, int | None] = ("", "", None)
        self._clips_done = -1
        self._drawn_s = 0.0

    def __enter__(self) -> TerminalBars:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __call__(self, state: ProgressState) -> None:
        """Shows how far the run is."""
        if not self._draws or not self._is_due(state):
            return
        self._show_job(state)
        self._show_now(state)

    def close(self) -> None:
        """Takes the bars away."""
        for bar in (self._now, self._job):
            if bar is not None:
                bar.close()
        self._job = self._now = None

    def _bar(self, **options: Any) -> tqdm[Any]:
        if self._new_bar is None:
            from tqdm import tqdm

            self._new_bar = tqdm
        return self._new_bar(**options)

    def _is_due(self, state: ProgressState) -> bool:
        now_s = time.monotonic()
        ends = state.step is None or state.step == state.steps or state.clips_done != self._clips_done
        if not ends and now_s - self._drawn_s < REFRESH_S:
            return False
        self._drawn_s, self._clips_done = now_s, state.clips_done
        return True

    def _show_job(self, state: ProgressState) -> None:
        if self._job is None:
            self._job = self._bar(total=1.0, bar_format=JOB_FORMAT, dynamic_ncols=True, leave=False, position=0)
        self._job.n = state.fraction
        self._job.set_description_str(f"{state.clips_done}/{state.clips} clips", refresh=False)
        self._job.set_postfix_str(_left(state), refresh=False)
        self._job.refresh()

    def _show_now(self, state: ProgressState) -> None:
        if self._now is None:
            self._now = self._bar(total=1, dynamic_ncols=True, leave=False, position=1, bar_format=PLAIN_FORMAT)
        shown = (state.stage, state.clip, state.segment)
        if shown != self._shown or state.steps != self._now.total:
            self._shown = shown
            self._now.bar_format = _format_of(state)
            self._now.unit_scale = state.stage == DOWNLOAD
            self._now.reset(state.steps)
            self._now.initial = max(0, (state.step or 0) - 1)  # neither earlier steps nor loading count as speed
            self._now.set_description_str(_title(state), refresh=False)
        self._now.n = state.step or 0
        self._now.refresh()


def finish_time(moment: datetime, now: datetime) -> str:
    """Returns when a run ends as a person says it: `14:05`; from a day on with the weekday, from a week on the date."""
    if moment - now < DAY:
        return f"{moment:%H:%M}"
    return f"{moment:%a %H:%M}" if moment - now < 6 * DAY else f"{moment:%a %d %b %H:%M}"


def _left(state: ProgressState) -> str:
    if state.eta_s is None or state.finish_at is None:
        return "ETA ?"
    return f"ETA {clock(state.eta_s)}, at {finish_time(state.finish_at, datetime.now().astimezone())}"


def _format_of(state: ProgressState) -> str:
    if state.steps is None:
        return PLAIN_FORMAT
    return DOWNLOAD_FORMAT if state.stage == DOWNLOAD else STEP_FORMAT


def _title(state: ProgressState) -> str:
    segment = f" segment {state.segment}/{state.segments}" if state.segments else ""
    return f"{state.stage} {_short(state.clip)}{segment}".rstrip()


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - NAME_END - 3]}...{name[-NAME_END:]}"
