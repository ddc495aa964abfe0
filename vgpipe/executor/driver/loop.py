"""The event loop of a run with several workers: hands clips out, takes what workers tell, copes with those that die.

It knows nothing of where workers run (`workers/pool.py`), and leaves to others which clip goes where (`scheduling.py`),
who encodes a shared text (`claims.py`), what follows deaths (`losses.py`) and what the end of a clip means for the run
(`settling.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import Stopped, VgpipeError
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.driver.assignments import Assignments
from vgpipe.executor.driver.claims import Claims
from vgpipe.executor.driver.crew import Crew, CrewSettings
from vgpipe.executor.driver.hand_outs import Kinds
from vgpipe.executor.driver.inspection import Inspection
from vgpipe.executor.driver.losses import Losses
from vgpipe.executor.driver.relay import Relay
from vgpipe.executor.driver.settling import Settling
from vgpipe.executor.driver.work_queue import Preference
from vgpipe.executor.progress import Progress
from vgpipe.executor.workers import messages
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.results import error_of
from vgpipe.executor.workers.settings import worker_settings
from vgpipe.plans.starting_point import refuses_what_cannot_fit
from vgpipe.store.digest import Key
from vgpipe.store.work_marks import left_marks
from vgpipe.units import counted
from vgpipe.vocabulary import CHEAPEST_FIRST

log = logging.getLogger(__name__)

FAILS_EVERYWHERE = (messages.FailureKind.PRECISION, messages.FailureKind.MODEL)
TICK_S = 0.25
"""The longest wait for news before stop requests, deadlines and new slots are looked at."""


class Loop:
    """Keeps workers at work.

    Args:
        inputs: what the executor was given.
        given: the workers.
        settling: gives clips their final status.
        progress: shows how far the run is.
        kinds: numbers the kinds of clips.

    Attributes:
        crew: the workers.
        work: which worker has which clips.
        failure: why the model cannot be opened, where a worker has said so.
        denoise_threads: CPU threads of denoising of workers that are started from now on; None leaves them.
        tuner: the worker that makes a trial of thread counts, and gets no clips; "" for none.
        tuned: what the trial found; None where it has not ended.
    """

    def __init__(
        self, inputs: ExecutorInputs, given: CrewSettings, settling: Settling, progress: Progress, kinds: Kinds
    ):
        self._inputs, self._given, self._pool = inputs, given, given.pool
        self._settling, self._kinds = settling, kinds
        self._relay = Relay(inputs.records, progress)
        self._claims = Claims()
        self._inspection = Inspection(inputs)
        self.crew = Crew(
            given.pool,
            self._settings_of,
            Losses(inputs.config.executor.max_clip_retries),
            inputs.config.executor.worker_start_timeout_s,
            inputs.records,
            progress,
        )
        self.crew.most = 1 if given.needs_trial else given.most
        self.work = self._assignments(())
        self.failure: VgpipeError | None = None
        self.denoise_threads: int | None = None
        self.tuner = ""
        self.tuned: Mapping[int, float] | None = None
        self._is_stopping = False
        self._alone_since_s: float | None = None

    def begin(self, pending: Sequence[ClipState]) -> None:
        """Has clips handed out from the next turn on.

        Args:
            pending: the clips.
        """
        self.work = self._assignments(pending)
        for name in self.crew.starting:
            self.work.expect(name)
        for name, ready in self.crew.ready.items():
            self.work.join(name, self._foreseen(ready))

    def turn(self) -> None:
        """Hands out what can be, and takes what workers tell; waits for news for a moment.

        Raises:
            Stopped: where the run is to stop, once all workers have given their clips back.
        """
        now_s = time.monotonic()
        if self._inputs.stop():
            self._stop()
        else:
            for name in self.crew.tend(now_s):
                self.work.expect(name)
            self._hand_out(now_s)
            self._look_for_workers(now_s)
        self.take_news()

    def take_news(self) -> None:
        """Takes what workers tell; waits for the first of it for a moment."""
        for name, message in self._pool.receive(TICK_S):
            self._take(name, message)

    def send(self, name: str, message: messages.ToWorker) -> None:
        """Sends to a worker."""
        self._pool.send(name, message)

    def _assignments(self, states: Sequence[ClipState]) -> Assignments:
        settings = self._inputs.config.executor
        is_cheapest = self._inputs.config.run.order == CHEAPEST_FIRST
        return Assignments(
            states,
            self._kinds,
            wave_size=settings.wave_size,
            load_share=settings.load_share,
            preference=Preference.CHEAPEST if is_cheapest else Preference.LONGEST,
        )

    def _foreseen(self, ready: messages.Ready) -> list[messages.Foreseen]:
        """Returns what a worker foresees; where the plan only advises, nothing is refused because of it."""
        is_advice = not refuses_what_cannot_fit(self._inputs.config.run)
        return [replace(one, fit=max(one.fit, messages.Fit.DEGRADED)) if is_advice else one for one in ready.foreseen]

    def _stop(self) -> None:
        """Asks the workers to stop; raises once none has anything left to do."""
        if not self._is_stopping:
            self._is_stopping = True
            for name in self.crew.ready:
                self._pool.send(name, messages.StopNow(self._inputs.stop.reason))
        if not self.work.busy:
            raise Stopped("all workers have stopped")

    def _hand_out(self, now_s: float) -> None:
        free = [name for name in self.work.free if name in self.crew.ready and name != self.tuner]
        for name, hand_out in self.work.hand_outs(free, now_s).items():
            self._pool.send(name, hand_out)

    def _look_for_workers(self, now_s: float) -> None:
        """Stops the run where no worker is left, and fails clips that none holds; both after a wait."""
        stranded = list(self.work.left) if self.crew.is_gone else self.work.unplaceable()
        if not stranded or not self.crew.ever_ready:
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
        if self.crew.is_gone:
            self._inputs.stop.cancel(f"no worker is left ({self.crew.last_reason})")
            return
        told = ", ".join(f"{ready.device} ({name})" for name, ready in self.crew.ready.items())
        for clip in stranded:
            state = self.work.drop(clip)
            if state is not None:
                self._settling.fail(state, f"it fits none of: {told}")

    def _take(self, name: str, message: messages.FromWorker) -> None:
        match message:
            case messages.Ready():
                self._joined(name, message)
            case messages.Died():
                self._died(name, message)
            case messages.Unable():
                self.failure = error_of(message.failure) if message.failure else self.failure
                self.crew.retire(name, message.reason)
            case messages.Claim():
                self._claim(name, message.key)
            case messages.Made():
                made = self._claims.made(message.digest) if message.is_there else None
                self._answer(self._claims.failed(name, message.digest) if made is None else made)
            case messages.ClipEnded():
                self._ended(name, message)
            case messages.Tuned():
                self.tuned = message.seconds
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
            self.work.begins(name, message.clip)
        elif isinstance(message, messages.PieceDone):
            self.work.spends(name, message.seconds)

    def _joined(self, name: str, ready: messages.Ready) -> None:
        refusal = self._inspection.refusal(name, self.crew.slot(name), ready)
        if refusal:
            self.crew.retire(name, refusal)
            return
        self.crew.joined(name, ready)
        self.work.join(name, self._foreseen(ready))

    def _died(self, name: str, died: messages.Died) -> None:
        at_work = self.work.at_work(name)
        verdict = self.crew.died(name, died, at_work, time.monotonic())
        if died.by_memory and name not in self.crew.starting:  # with fewer workers it fits: no step down for it
            self._forget_kill()
        self._answer(self._claims.left(name))
        self.work.gone(name, is_started_again=name in self.crew.starting)
        if verdict.fails and (state := self.work.drop(verdict.fails)) is not None:
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
        state = self.work.has(name, ended.clip)
        if state is None:
            return
        if not state.is_pending:  # condemned meanwhile
            self.work.ended(name, ended.clip, time.monotonic(), None)
            return
        if _may_be_the_workers_fault(ended) and self.crew.failed(name, ended.clip):
            log.warning("%s failed on %s (%s): it is tried again", ended.clip, name, ended.error)
            self.work.try_elsewhere(name, ended.clip, time.monotonic())
            return
        if ended.ending in (messages.Ending.DONE, messages.Ending.FAILED):
            if self._settling.settle(state, ended, name):
                tells = ended.ending is messages.Ending.DONE and not ended.is_reused
                took_s = sum(ended.seconds.values()) if tells else None
                self.work.ended(name, ended.clip, time.monotonic(), took_s)
                self.crew.made(name, ended.clip)
                return
        elif self._is_stopping and ended.ending is messages.Ending.STOPPED:
            state.stop()
        self.work.returned(name, ended.clip)

    def _hand_out_ended(self, name: str, ended: messages.HandOutEnded) -> None:
        self.work.hand_out_ended(name, ended.number, time.monotonic(), ended.wave_load_s)
        if ended.why is messages.Why.DISK and self.crew.slot(name).shares_store:
            self._inputs.stop.cancel(ended.reason)
        elif ended.why is messages.Why.DISK:
            self.crew.retire(name, ended.reason)
        elif ended.why is messages.Why.LEAVING:
            self.crew.leaves(name, ended.reason)

    def _settings_of(self, slot: Slot) -> messages.WorkerSettings:
        return worker_settings(self._inputs, slot, self._kinds.samples, self.denoise_threads)


def _may_be_the_workers_fault(ended: messages.ClipEnded) -> bool:
    """Says whether a clip failed for a reason that another worker may not have: its device, its memory, its disk."""
    is_elsewhere_too = ended.failure is not None and ended.failure.kind in FAILS_EVERYWHERE
    return ended.ending is messages.Ending.FAILED and not (is_elsewhere_too or ended.is_rejected)
