"""The local executor: one process, stage by stage over waves of clips."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.delivery import ExportDelivery, recipes_of
from vgpipe.exporters.temporary import sweep_temporary_folders
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.units import counted

log = logging.getLogger(__name__)


class LocalExecutor:
    """Makes clips in this process.

    Args:
        inputs: what it is given.
    """

    def __init__(self, inputs: ExecutorInputs):
        self._inputs = inputs
        self._store = inputs.finished.store
        self._history = FallbackHistory(notes_of(self._store), inputs.keys, inputs.config)
        self._frame_users = FrameUsers()
        self._delivery = ExportDelivery(
            inputs.finished, inputs.run_dir, inputs.keys, inputs.previous, self._frame_users, recipes_of(inputs)
        )

    def run(self, states: Sequence[ClipState]) -> None:
        """Makes every pending clip that is not in the store yet; see `Executor.run`."""
        self._sweep_leftovers()
        for state in states:
            if state.is_pending:
                self._delivery.reuse(state)
            if state.is_pending and self._history.reuse(state, self._inputs.finished):
                self._delivery.reuse(state)
        self._inputs.records.begin(states)
        pending = [state for state in states if state.is_pending]
        if pending:
            from vgpipe.executor.rendering import Rendering  # only now: a finished job must not wait for its imports
            from vgpipe.executor.workers.host_process import end_host

            end_host()  # of workers that an earlier run had, or that this one might have had
            Rendering(self._inputs, self._history, self._delivery, self._frame_users).make(states, pending)

    def _sweep_leftovers(self) -> None:
        self._inputs.run_dir.sweep_leftovers()
        sweep_temporary_folders()
        removed = self._store.sweep_leftovers()
        if removed:
            log.info("removed %s of processes that ended", counted(removed, "incomplete artifact"))
