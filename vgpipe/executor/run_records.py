"""What a run writes of itself: records of clips, which count, and events, which are for charts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from vgpipe.clips.clip_state import ClipWork, State
from vgpipe.errors import StoreError
from vgpipe.executor.stop_signal import StopSignal
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)


class Records:
    """Keeps clips.jsonl and events.jsonl of a run.

    Args:
        run_dir: where they lie.
        stop: asked to stop the run when clips can no longer be recorded.
    """

    def __init__(self, run_dir: RunDir, stop: StopSignal):
        self._run_dir, self._stop = run_dir, stop
        self._has_begun = False

    def begin(self, works: Sequence[ClipWork]) -> None:
        """Writes every clip's record, at the start of a run and of each further attempt.

        Raises:
            StoreError: where the run directory cannot be written.
        """
        self._run_dir.write_clips(work.record() for work in works)
        done = sum(work.state is State.DONE for work in works)
        if self._has_begun:
            again = sum(work.state is State.PENDING for work in works)
            self.event("attempt_started", clips=again)
            log.info("%d clips are tried again", again)
            return
        self._has_begun = True
        self.event("run_started", clips=len(works), reused=done)
        log.info("%d clips, %d already in the store", len(works), done)

    def end(self, works: Sequence[ClipWork]) -> None:
        """Writes every clip's last record; what cannot be written is told in the log."""
        counts = {state.value: sum(work.state is state for work in works) for state in State}
        self.event("run_ended", reason=self._stop.reason or "finished", **counts)
        try:
            self._run_dir.write_clips(work.record() for work in works)
        except StoreError as error:
            log.error("%s", error)

    def settle(self, work: ClipWork, state: State, error: str | None = None) -> None:
        """Gives a clip its state and appends its record; canaries have none."""
        work.state, work.error = state, error
        if work.is_canary:
            self.event(f"canary_{state.value}", clip=work.clip.id, error=error)
            return
        self.event(f"clip_{state.value}", clip=work.clip.id, error=error)
        try:
            self._run_dir.append_clip(work.record())
        except StoreError as failure:
            self._stop.request(str(failure))

    def event(self, kind: str, **facts: Any) -> None:
        """Appends an event; one that cannot be written is left out."""
        try:
            self._run_dir.append_event(kind, **facts)
        except StoreError as error:
            log.debug("%s", error)
