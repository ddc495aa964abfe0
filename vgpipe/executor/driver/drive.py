"""The driver of a run with several workers: hands clips out, takes their ends, and copes with workers that die.

It alone writes the run directory. It knows nothing of where workers run (`workers/pool.py`), and leaves to others which
clip goes where (`scheduling.py`), who encodes a shared text (`claims.py`) and what follows deaths (`losses.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import Stopped, VgpipeError
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.canary import Canaries
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.driver.assignments import Assignments
from vgpipe.executor.driver.claims import Claims
from vgpipe.executor.driver.cores import shared_cores
from vgpipe.executor.driver.crew import Crew, CrewSettings
from vgpipe.executor.driver.hand_outs import Kinds, item_of
from vgpipe.executor.driver.inspection import Inspection
from vgpipe.executor.driver.losses import Losses
from vgpipe.executor.driver.relay import Relay
from vgpipe.executor.driver.settling import Settling
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.piece_sizes import count_remaining, piece_sizes
from vgpipe.executor.progress import Progress
from vgpipe.executor.workers import messages
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.results import error_of
from vgpipe.executor.workers.settings import CPU, worker_settings
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.store.digest import Key
from vgpipe.store.work_marks import left_marks
from vgpipe.units import counted
from vgpipe.vocabulary import ANY

log = logging.getLogger(__name__)

TICK_S = 0.25
"""The longest wait for news before stop requests, deadlines and new slots are looked at."""


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
        self._inputs, self._given, self._pool, self._states = inputs, given, given.pool, states
        pending = [state for state in states if state.is_pending]
        self._kinds = Kinds(pending)
        remaining = count_remaining(inputs.finished.store, pending)
        self._progress = Progress(
            remaining, clips=len(states), done=len(states) - len(pending), on_progress=inputs.on_progress
        )
        self._relay = Relay(inputs.records, self._progress)
        self._settling = Settling(inputs, history, delivery, self._progress)
        self._claims = Claims()
        self._inspection = Inspection(inputs)
        self._crew = Crew(
            given.pool,
            self._settings_of,
            Losses(inputs.config.executor.max_clip_retries),
            inputs.config.executor.worker_start_timeout_s,
            inputs.records,
            self._progress,
        )
        self._crew.most = 1 if given.needs_trial else given.most
        self._denoise_threads: int | None = None
        self._tuner = ""
        self._tuned: Mapping[int, float] | None = None
        self._work = self._assignments(())
        self._failure: VgpipeError | None = None
        self._is_stopping = False
        self._alone_since_s: float | None = None

    @property
    def why_no_worker(self) -> str:
        """Why no worker could be started."""
        return self._crew.last_reason

    def make(self, pending: Sequence[ClipState]) -> bool:
        """Makes clips until all have a final status, or the run is to stop.

        Args:
            pending: the clips to make.

        Returns:
            Whether a worker could be started; else nothing was done.
        """
        with closing(self._pool):
            try:
                if not self._await_first():
                    return self._fail_all(pending)
                self._make_all(pending)
            except Stopped as stopped:
                log.info("%s", stopped)
        return True

    def _await_first(self) -> bool:
        """Waits for a worker that takes clips; returns whether there is one."""
        while not self._crew.ready:
            self._turn()
            if self._crew.is_gone and self._crew.has_looked:
                return False
        return True

    def _fail_all(self, pending: Sequence[ClipState]) -> bool:
        """Fails clips where the model is at fault, so that it is loaded in another way; returns whether it is."""
        if self._failure is None:
            return False
        log.error("%s", self._failure)
        for state in pending:
            self._settling.fail(state, str(self._failure), self._failure)
        return True

    def _make_all(self, pending: Sequence[ClipState]) -> None:
        (first, *_) = self._crew.ready.values()
        inputs = self._inputs
        past = PastTrials(notes_of(inputs.finished.store), inputs.keys, first.conditions)
        canaries = Canaries(inputs.config.executor, inputs.keys, _as_it_is, past)
        canaries.choose(self._states, pending, inputs.finished)
        self._progress.sizes = piece_sizes(pending, canaries.states)
        self._begin(pending)
        # Workers that have no canary make clips meanwhile.
        canaries.run(pending, self._make_canaries, self._condemn)
        self._share_cores([state for state in pending if state.is_pending], past)
        while self._work.left:
            self._turn()
        self._hear_out()
        canaries.forget_failed(pending)

    def _hear_out(self) -> None:
        """Takes the news that follow the end of the last clip: how long its export took."""
        if not self._progress.is_complete:
            for name, message in self._pool.receive(TICK_S):
                self._take(name, message)

    def _share_cores(self, pending: Sequence[ClipState], past: PastTrials) -> None:
        """Finds, on a CPU, how many workers of how many threads make the most clips, and uses that from now on."""
        busy = self._work.busy
        name = next((one for one in self._crew.ready if one not in busy), next(iter(self._crew.ready), None))
        if name is None or self._crew.slot(name).device != CPU or not pending:
            return
        share = shared_cores(self._inputs, self._given, pending, past, lambda tried: self._trial(name, tried))
        if share is None:
            return
        self._crew.most, self._denoise_threads = share.workers, share.threads
        self._inputs.records.event(
            "denoise_threads", count=share.threads, workers=min(share.workers, len(self._pool.slots()))
        )
        for ready in self._crew.ready:
            self._pool.send(ready, messages.UseThreads(share.threads))

    def _trial(self, name: str, tried: Sequence[ClipState]) -> Mapping[int, float]:
        """Has a worker try thread counts; returns the seconds of each, none where the worker is lost meanwhile."""
        self._tuner, self._tuned, began_s = name, None, time.monotonic()
        self._pool.send(name, messages.Tune(tuple(item_of(state) for state in tried)))
        while self._tuned is None and name in self._crew.ready:
            self._turn()
        self._tuner = ""
        self._inputs.records.event("threads_tried", worker=name, seconds=round(time.monotonic() - began_s, 3))
        return self._tuned or {}

    def _settings_of(self, slot: Slot) -> messages.WorkerSettings:
        return worker_settings(self._inputs, slot, self._kinds.samples, self._denoise_threads)

    def _begin(self, pending: Sequence[ClipState]) -> None:
        self._work = self._assignments(pending)
        for name in self._crew.starting:
            self._work.expect(name)
        for name, ready in self._crew.ready.items():
            self._work.join(name, self._foreseen(ready))

    def _make_canaries(self, canaries: Sequence[ClipState]) -> None:
        """Has workers make canaries, until none is left.

        Raises:
            Stopped: where the run is to stop; all workers have given their clips back.
        """
        self._work.add_canaries(canaries)
        while any(canary.clip.id in self._work.left for canary in canaries):
            self._turn()

    def _condemn(self, state: ClipState) -> None:
        """Records a clip of a shape of which two canaries have failed; what a worker still makes of it is ignored."""
        self._inputs.records.settle(state)
        self._work.drop(state.id)

    def _assignments(self, states: Sequence[ClipState]) -> Assignments:
        settings = self._inputs.config.executor
        return Assignments(states, self._kinds, wave_size=settings.wave_size, load_share=settings.load_share)

    def _foreseen(self, ready: messages.Ready) -> list[messages.Foreseen]:
        """Returns what a worker foresees; where the plan only advises, nothing is refused because of it."""
        run = self._inputs.config.run
        is_advice = run.plan != "enforce" or run.degrade == ANY
        return [replace(one, fit=max(one.fit, messages.Fit.DEGRADED)) if is_advice else one for one in ready.foreseen]

    def _turn(self) -> None:
        now_s = time.monotonic()
        if self._inputs.stop():
            self._stop()
        else:
            for name in self._crew.tend(now_s):
                self._work.expect(name)
            self._hand_out(now_s)
            self._look_for_workers(now_s)
        for name, message in self._pool.receive(TICK_S):
            self._take(name, message)

    def _stop(self) -> None:
        """Asks the workers to stop; raises once none has anything left to do."""
        if not self._is_stopping:
            self._is_stopping = True
            for name in self._crew.ready:
                self._pool.send(name, messages.StopNow(self._inputs.stop.reason))
        if not self._work.busy:
            raise Stopped("all workers have stopped")

    def _hand_out(self, now_s: float) -> None:
        workers = [name for name in self._crew.ready if name != self._tuner]
        for name, hand_out in self._work.hand_outs(workers, now_s).items():
            self._pool.send(name, hand_out)

    def _look_for_workers(self, now_s: float) -> None:
        """Stops the run where no worker is left, and fails clips that none holds; both after a wait."""
        stranded = list(self._work.left) if self._crew.is_gone else self._work.unplaceable()
        if not stranded or not self._crew.ever_ready:
            self._alone_since_s = None
            return
        if self._alone_since_s is None:
            self._alone_since_s = now_s
            if self._given.wait_s:
                log.warning(
                    "no worker for %s: waiting %g s for one", counted(len(stranded), "clip"), self._given.wait_s
                )
        if now_s - self._alone_since_s < self._given.wait_s:
            return
        if self._crew.is_gone:
            self._inputs.stop.cancel(f"no worker is left ({self._crew.last_reason})")
            return
        told = ", ".join(f"{ready.device} ({name})" for name, ready in self._crew.ready.items())
        for clip in stranded:
            state = self._work.drop(clip)
            if state is not None:
                self._settling.fail(state, f"it fits none of: {told}")

    def _take(self, name: str, message: messages.FromWorker) -> None:
        match message:
            case messages.Ready():
                self._joined(name, message)
            case messages.Died():
                self._died(name, message)
            case messages.Unable():
                self._failure = error_of(message.failure) if message.failure else self._failure
                self._crew.retire(name, message.reason)
            case messages.Claim():
                self._claim(name, message.key)
            case messages.Made():
                made = self._claims.made(message.digest) if message.is_there else None
                self._answer(self._claims.failed(name, message.digest) if made is None else made)
            case messages.ClipEnded():
                self._ended(name, message)
            case messages.Tuned():
                self._tuned = message.seconds
            case messages.HandOutEnded():
                self._hand_out_ended(name, message)
            case _:
                self._note_work(name, message)
                self._relay.take(name, message)

    def _claim(self, name: str, key: Key) -> None:
        if self._inputs.finished.store.find(key) is None:  # or damaged since, and set aside
            self._claims.lost(key.digest)
        answer = self._claims.ask(name, key.digest)
        self._answer([(name, answer)] if answer else [])

    def _note_work(self, name: str, message: messages.FromWorker) -> None:
        if isinstance(message, messages.Began):
            self._work.begins(name, message.clip)
        elif isinstance(message, messages.PieceDone):
            self._work.spends(name, message.seconds)

    def _joined(self, name: str, ready: messages.Ready) -> None:
        refusal = self._inspection.refusal(name, self._crew.slot(name), ready)
        if refusal:
            self._crew.retire(name, refusal)
            return
        self._crew.joined(name, ready)
        self._work.join(name, self._foreseen(ready))

    def _died(self, name: str, died: messages.Died) -> None:
        at_work = self._work.at_work(name)
        verdict = self._crew.died(name, died, at_work, time.monotonic())
        if died.by_memory and name not in self._crew.starting:  # with fewer workers it fits: no step down for it
            self._forget_kill()
        self._answer(self._claims.left(name))
        self._work.gone(name, is_started_again=name in self._crew.starting)
        if verdict.fails and (state := self._work.drop(verdict.fails)) is not None:
            message = f"it took {counted(verdict.deaths, 'worker')} along; the last one: {died.reason}"
            log.error("%s failed: %s", state.id, message)
            self._settling.fail(state, message)

    def _forget_kill(self) -> None:
        run = str(self._inputs.run_dir.root.absolute())
        for mark in left_marks(self._inputs.finished.store.root):
            if mark.facts.get("run") == run:
                mark.remove()

    def _answer(self, answers: Sequence[tuple[str, messages.Granted]]) -> None:
        for name, answer in answers:
            self._pool.send(name, answer)

    def _ended(self, name: str, ended: messages.ClipEnded) -> None:
        ended = self._inspection.noted(name, ended)
        state = self._work.has(name, ended.clip)
        if state is None:
            return
        if not state.is_pending:  # condemned meanwhile
            self._work.ended(name, ended.clip, time.monotonic(), None)
            return
        if ended.ending is messages.Ending.FAILED and not ended.failure and self._crew.failed(name, ended.clip):
            log.warning("%s failed on %s (%s): it is tried again", ended.clip, name, ended.error)
            self._work.try_elsewhere(name, ended.clip, time.monotonic())
            return
        if ended.ending in (messages.Ending.DONE, messages.Ending.FAILED):
            if self._settling.settle(state, ended, name):
                tells = ended.ending is messages.Ending.DONE and not ended.is_reused
                took_s = sum(ended.seconds.values()) if tells else None
                self._work.ended(name, ended.clip, time.monotonic(), took_s)
                self._crew.made(name, ended.clip)
                return
        elif self._is_stopping and ended.ending is messages.Ending.STOPPED:
            state.stop()
        self._work.returned(name, ended.clip)

    def _hand_out_ended(self, name: str, ended: messages.HandOutEnded) -> None:
        self._work.hand_out_ended(name, ended.number, time.monotonic(), ended.wave_load_s)
        if ended.why is messages.Why.DISK and self._crew.slot(name).shares_store:
            self._inputs.stop.cancel(ended.reason)
        elif ended.why is messages.Why.DISK:
            self._crew.retire(name, ended.reason)
        elif ended.why is messages.Why.LEAVING:
            self._crew.leaves(name, ended.reason)


def _as_it_is(_state: ClipState) -> None:
    """Leaves a clip's memory settings to the worker that makes it."""
