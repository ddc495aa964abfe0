"""The driver of a run with several workers: canaries first, a trial of thread counts where it pays, then all clips.

It alone writes the run directory. Workers are kept at work by its `Loop`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import Stopped
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.canary import Canaries
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.driver.cores import shared_cores
from vgpipe.executor.driver.crew import CrewSettings
from vgpipe.executor.driver.hand_outs import Kinds, item_of
from vgpipe.executor.driver.loop import Loop
from vgpipe.executor.driver.settling import Settling
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.piece_sizes import count_remaining, piece_sizes
from vgpipe.executor.progress import Progress
from vgpipe.executor.workers import messages
from vgpipe.executor.workers.settings import CPU
from vgpipe.fallback.files_gate import files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.job.segments import work_of
from vgpipe.vocabulary import CHEAPEST_FIRST

log = logging.getLogger(__name__)


class Driver:
    """Has workers make the clips of a run.

    Args:
        inputs: what the executor was given.
        history: remembers how clips were made that could not be made as asked.
        delivery: places files into the run.
        given: the workers.
        states: all clips of the run.
    """

    def __init__(
        self,
        inputs: ExecutorInputs,
        history: FallbackHistory,
        delivery: ExportDelivery,
        given: CrewSettings,
        states: Sequence[ClipState],
    ):
        self._inputs, self._given, self._states = inputs, given, states
        pending = [state for state in states if state.is_pending]
        remaining = count_remaining(inputs.finished.store, pending)
        self._progress = Progress(
            remaining, clips=len(states), done=len(states) - len(pending), on_progress=inputs.on_progress
        )
        self._settling = Settling(inputs, history, delivery, self._progress)
        self._loop = Loop(inputs, given, self._settling, self._progress, _kinds(inputs, pending))

    @property
    def why_no_worker(self) -> str:
        """Why no worker could be started."""
        return self._loop.crew.last_reason

    def make(self, pending: Sequence[ClipState]) -> bool:
        """Makes clips until all have a final status, or the run is to stop.

        Args:
            pending: the clips to make.

        Returns:
            Whether a worker could be started; else nothing was done.
        """
        with closing(self._given.pool):
            try:
                if not self._await_first():
                    return self._fail_all(pending)
                self._make_all(pending)
            except Stopped as stopped:
                log.info("%s", stopped)
        return True

    def _await_first(self) -> bool:
        """Waits for a worker that takes clips; returns whether there is one."""
        while not self._loop.crew.ready:
            self._loop.turn()
            if self._loop.crew.is_gone and self._loop.crew.has_looked:
                return False
        return True

    def _fail_all(self, pending: Sequence[ClipState]) -> bool:
        """Fails clips where the model is at fault, so that it is loaded in another way; returns whether it is."""
        if self._loop.failure is None:
            return False
        log.error("%s", self._loop.failure)
        for state in pending:
            self._settling.fail(state, str(self._loop.failure), self._loop.failure)
        return True

    def _make_all(self, pending: Sequence[ClipState]) -> None:
        (first, *_) = self._loop.crew.ready.values()
        inputs = self._inputs
        past = PastTrials(notes_of(inputs.finished.store), inputs.keys, first.conditions)
        canaries = Canaries(inputs.config.executor, inputs.keys, _as_it_is, past)
        canaries.choose(self._states, pending, inputs.finished, files_gate_of(inputs.config, inputs.keys))
        self._progress.sizes = piece_sizes(pending, canaries.states)
        self._loop.begin(pending)
        # Workers that have no canary make clips meanwhile.
        canaries.run(pending, self._make_canaries, self._condemn)
        self._share_cores([state for state in pending if state.is_pending], past)
        while self._loop.work.left:
            self._loop.turn()
        self._hear_out()
        canaries.forget_failed(pending)

    def _hear_out(self) -> None:
        """Takes the news that follow the end of the last clip: how long its export took."""
        if not self._progress.is_complete:
            self._loop.take_news()

    def _share_cores(self, pending: Sequence[ClipState], past: PastTrials) -> None:
        """Finds, on a CPU, how many workers of how many threads make the most clips, and uses that from now on."""
        ready, busy = list(self._loop.crew.ready), self._loop.work.busy
        name = next(iter(sorted(ready, key=lambda one: one in busy)), None)
        if name is None or self._loop.crew.slot(name).device != CPU or not pending:
            return
        share = shared_cores(self._inputs, self._given, pending, past, lambda tried: self._trial(name, tried))
        if share is None:
            return
        self._loop.crew.most, self._loop.denoise_threads = share.workers, share.threads
        workers = min(share.workers, len(self._given.pool.slots()))
        self._inputs.records.event("denoise_threads", count=share.threads, workers=workers)
        for one in self._loop.crew.ready:
            self._loop.send(one, messages.UseThreads(share.threads))

    def _trial(self, name: str, tried: Sequence[ClipState]) -> Mapping[int, float]:
        """Has a worker try thread counts; returns the seconds of each, none where the worker is lost meanwhile."""
        self._loop.tuner, self._loop.tuned, began_s = name, None, time.monotonic()
        self._loop.send(name, messages.Tune(tuple(item_of(state) for state in tried)))
        while self._loop.tuned is None and name in self._loop.crew.ready:
            self._loop.turn()
        self._loop.tuner = ""
        self._inputs.records.event("threads_tried", worker=name, seconds=round(time.monotonic() - began_s, 3))
        return self._loop.tuned or {}

    def _make_canaries(self, canaries: Sequence[ClipState]) -> None:
        """Has workers make canaries, until none is left.

        Raises:
            Stopped: where the run is to stop; all workers have given their clips back.
        """
        self._loop.work.add_canaries(canaries)
        while any(canary.clip.id in self._loop.work.left for canary in canaries):
            self._loop.turn()

    def _condemn(self, state: ClipState) -> None:
        """Records a clip of a shape of which two canaries have failed; what a worker still makes of it is ignored."""
        self._inputs.records.settle(state)
        self._loop.work.drop(state.id)


def _kinds(inputs: ExecutorInputs, pending: Sequence[ClipState]) -> Kinds:
    """Returns the kinds of clips; without forecasts the cheapest is the one of the least pixels, frames and steps."""
    guesses = inputs.plan is None and inputs.config.run.order == CHEAPEST_FIRST
    return Kinds(pending, work_of if guesses else None)


def _as_it_is(_state: ClipState) -> None:
    """Leaves a clip's memory settings to the worker that makes it."""
