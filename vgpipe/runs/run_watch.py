"""Follows how far a run is, from attempt to attempt."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.executor.progress_state import ProgressListener, ProgressState

PAUSED = "paused"


class RunWatch:
    """Hands on how far a run is; a `ProgressListener`.

    Each attempt counts what it has to do from 0 on. Here the share of the work that is done continues where a pause has
    left it.

    Args:
        on_progress: is given each state; None where nobody asks.
    """

    def __init__(self, on_progress: ProgressListener | None):
        self._on_progress = on_progress
        self._before = self._now = 0.0

    def __call__(self, state: ProgressState) -> None:
        """Takes the newest state of an attempt."""
        self._now = self._before + (1 - self._before) * state.fraction
        self._hand_on(replace(state, fraction=self._now))

    def paused(self, *, clips: int, done: int) -> None:
        """Notes that the run is paused.

        Args:
            clips: all clips of the run.
            done: those that are done.
        """
        self._before = self._now
        self._hand_on(
            ProgressState(clips_done=done, clips=clips, pieces_done=0, pieces=0, fraction=self._now, stage=PAUSED)
        )

    def _hand_on(self, state: ProgressState) -> None:
        if self._on_progress is not None:
            self._on_progress(state)
