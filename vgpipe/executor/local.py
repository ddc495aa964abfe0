"""The local executor: workers are processes of this machine; with a single one, this process."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.finished_first import FinishedFirst

log = logging.getLogger(__name__)


class LocalExecutor:
    """Makes clips on this machine.

    Args:
        inputs: what it is given.
    """

    def __init__(self, inputs: ExecutorInputs):
        self._inputs = inputs
        self._first = FinishedFirst(inputs)

    def run(self, states: Sequence[ClipState]) -> None:
        """Makes every pending clip that is not in the store yet; see `Executor.run`."""
        pending = self._first.take(states)
        if not pending or self._made_by_workers(states, pending):
            return
        from vgpipe.executor.rendering import Rendering  # only now: a finished job must not wait for its imports
        from vgpipe.executor.workers.host_process import end_host

        end_host()  # of workers that an earlier run had, or that this one might have had
        first = self._first
        Rendering(self._inputs, first.history, first.delivery, first.frame_users).make(states, pending)

    def _made_by_workers(self, states: Sequence[ClipState], pending: Sequence[ClipState]) -> bool:
        """Has worker processes make the clips; returns whether they could, or were not wanted."""
        from vgpipe.executor.worker_count import wanted_slots

        inputs = self._inputs
        wanted = wanted_slots(inputs.config, pending, inputs.plan)
        if not wanted.are_several:
            return False
        from vgpipe.executor.driver.crew import CrewSettings
        from vgpipe.executor.driver.drive import Driver
        from vgpipe.executor.workers.processes import ProcessPool

        if inputs.kept is not None:
            inputs.kept.release()  # the workers need the memory
        crew = CrewSettings(pool=ProcessPool(wanted.slots), most=len(wanted.slots), needs_trial=wanted.needs_trial)
        driver = Driver(inputs, self._first.history, self._first.delivery, crew, states)
        if driver.make(pending):
            return True
        log.warning("no worker can be started (%s): rendering in this process", driver.why_no_worker)
        return False
