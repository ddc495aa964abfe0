"""What every executor begins with: what ended processes left is removed, and clips whose files exist are finished."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.delivery import ExportDelivery, recipes_of
from vgpipe.exporters.temporary import sweep_temporary_folders
from vgpipe.fallback.files_gate import files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.units import counted

log = logging.getLogger(__name__)


class FinishedFirst:
    """Takes clips from the store before anything is made.

    Args:
        inputs: what the executor is given.

    Attributes:
        history: remembers how clips were made that could not be made as asked.
        frame_users: counts who needs which frames.
        delivery: takes clips from the store, exports those that are made.
    """

    def __init__(self, inputs: ExecutorInputs):
        self._inputs, self._store = inputs, inputs.finished.store
        gate = files_gate_of(inputs.config, inputs.keys, self._store)
        self.history = FallbackHistory(notes_of(self._store), inputs.keys, inputs.config, gate)
        self.frame_users = FrameUsers()
        self.delivery = ExportDelivery(
            inputs.finished, inputs.run_dir, inputs.keys, inputs.previous, self.frame_users, recipes_of(inputs), gate
        )

    def take(self, states: Sequence[ClipState]) -> list[ClipState]:
        """Finishes clips whose files the store has, and records all; returns those that are left to make.

        Args:
            states: all clips of the run.

        Raises:
            StoreError: where the run directory cannot be written.
        """
        self._sweep_leftovers()
        for state in states:
            if state.is_pending:
                self.delivery.reuse(state)
            if state.is_pending and self.history.reuse(state, self._inputs.finished):
                self.delivery.reuse(state)
        self._inputs.records.begin(states)
        return [state for state in states if state.is_pending]

    def _sweep_leftovers(self) -> None:
        self._inputs.run_dir.sweep_leftovers()
        sweep_temporary_folders()
        removed = self._store.sweep_leftovers()
        if removed:
            log.info("removed %s of processes that ended", counted(removed, "incomplete artifact"))
