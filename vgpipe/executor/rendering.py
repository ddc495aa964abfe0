"""Makes the clips of a run in this process that the store does not have: stage by stage, over waves of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.collection import START_UP
from vgpipe.errors import ModelError, Stopped, is_disk_full
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.canary import Canaries
from vgpipe.executor.chosen_device import chosen_device
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.downloads import fetch_weights
from vgpipe.executor.engine import Engine, memory_ladder
from vgpipe.executor.export_queue import ExportQueue
from vgpipe.executor.outcomes import Outcomes, written_folders
from vgpipe.executor.past_trials import PastTrials, conditions_of
from vgpipe.executor.piece_sizes import ALIKE, PieceSizes, count_remaining, piece_sizes
from vgpipe.executor.progress import Progress
from vgpipe.executor.thread_tuning import threads
from vgpipe.executor.waves import wave_size, waves
from vgpipe.fallback.files_gate import files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.fallback.killed import KilledWork
from vgpipe.fallback.memory_ladder import MemoryLadder
from vgpipe.plans.order import in_order
from vgpipe.plans.starting_point import predicted_peak_gb
from vgpipe.vocabulary import MODEL_STAGES

log = logging.getLogger(__name__)

IMPORTING, TUNING = "importing libraries", "thread tuning"
MAX_PASSES = 10
"""Over the pending clips: a second one where frames vanished, or a clip was made smaller."""


class Rendering:
    """Makes pending clips.

    Args:
        inputs: what the executor was given.
        history: remembers how clips were made that could not be made as asked.
        delivery: takes clips from the store, exports those that are made.
        frame_users: counts who needs which frames.
    """

    def __init__(
        self, inputs: ExecutorInputs, history: FallbackHistory, delivery: ExportDelivery, frame_users: FrameUsers
    ):
        self._inputs, self._store = inputs, inputs.finished.store
        self._history, self._delivery, self._frame_users = history, delivery, frame_users

    def make(self, states: Sequence[ClipState], pending: list[ClipState]) -> None:
        """Makes clips until all have a final status, or the run is to stop.

        Args:
            states: all clips of the run.
            pending: those of them to make.
        """
        with threads(self._inputs.config.hardware.threads):
            self._render(states, pending)

    def _render(self, states: Sequence[ClipState], pending: list[ClipState]) -> None:
        progress = self._progress({}, states)
        progress.begin(IMPORTING)
        device = chosen_device(self._inputs.config.hardware)
        if not self._fetch_weights(progress, pending):
            return
        ladder = memory_ladder(self._inputs, device, self._frame_users)
        killed = KilledWork(ladder, self._store.root, self._inputs.run_dir.root)
        for state, error in killed.take_up(pending):
            state.fail(str(error), error)
            log.error("%s failed in %s", state.clip.id, error)
            self._inputs.records.settle(state)
        self._prepare([state for state in pending if state.is_pending], ladder)
        log.info("memory on %s: %s", device, ", ".join(f"{one} {ladder.strategies[one].value}" for one in MODEL_STAGES))
        pending = in_order((state for state in pending if state.is_pending), self._inputs.config, self._inputs.plan)
        past = PastTrials(
            notes_of(self._store), self._inputs.keys, conditions_of(self._inputs.config, device, ladder.strategies)
        )
        canaries = Canaries(self._inputs.config.executor, self._inputs.keys, ladder.prepare, past)
        canaries.choose(states, pending, self._inputs.finished, files_gate_of(self._inputs.config, self._inputs.keys))
        to_make = [*canaries.states, *pending]
        self._frame_users.count(to_make)
        sizes = piece_sizes(pending, canaries.states)
        progress = self._progress(count_remaining(self._store, pending), states, sizes)
        outcomes = self._outcomes(progress)
        with (
            killed,
            Engine(self._inputs, device, ladder, outcomes, killed, self._frame_users) as engine,
            ExportQueue(self._delivery.export, outcomes.exported) as exports,
        ):
            attempt = _Attempt(self._inputs, engine, exports, outcomes, progress)
            attempt.make(canaries, pending, past)
        canaries.forget_failed(pending)

    def _progress(
        self, remaining: Mapping[str, int], states: Sequence[ClipState], sizes: PieceSizes = ALIKE
    ) -> Progress:
        done, listener = sum(state.is_made for state in states), self._inputs.on_progress
        return Progress(remaining, clips=len(states), done=done, on_progress=listener, sizes=sizes)

    def _fetch_weights(self, progress: Progress, pending: Sequence[ClipState]) -> bool:
        """Downloads the weights that are not on the disk yet; returns whether the run can continue."""
        family = self._inputs.keys.model.family
        try:
            family.check_classes()
            START_UP.end()  # the libraries are imported, and what is made from here on may be garbage
            fetch_weights(family, progress, self._inputs.stop)
        except Stopped as stopped:
            log.info("%s", stopped)
            return False
        except ModelError as error:
            if is_disk_full(error):
                self._inputs.stop.cancel(str(error))
                return False
            log.error("%s", error)
            for state in pending:
                state.fail(str(error), error)
                self._inputs.records.settle(state)
            return False
        return True

    def _prepare(self, pending: Sequence[ClipState], ladder: MemoryLadder) -> None:
        """Gives clips the memory settings they need; finishes those that an earlier run made with the same ones."""
        for state in pending:
            state.expect_peak(predicted_peak_gb(self._inputs.plan, state))
            ladder.prepare(state)
            if state.has_fallback:
                self._delivery.reuse(state)
            if state.is_made or state.is_rejected:
                self._inputs.records.settle(state)

    def _outcomes(self, progress: Progress) -> Outcomes:
        inputs = self._inputs
        return Outcomes(
            self._store,
            inputs.records,
            self._delivery,
            self._history,
            progress,
            inputs.stop,
            written_folders(self._store.root, inputs.run_dir.root),
            inputs.texts,
        )


class _Attempt:
    """Drives the stages and the exports over canaries and waves of clips.

    Args:
        inputs: what the executor was given.
        engine: the model stages.
        exports: the exports that run beside them.
        outcomes: handles what ends.
        progress: knows what pieces of work take.
    """

    def __init__(
        self, inputs: ExecutorInputs, engine: Engine, exports: ExportQueue, outcomes: Outcomes, progress: Progress
    ):
        self._inputs, self._engine, self._exports = inputs, engine, exports
        self._outcomes, self._progress = outcomes, progress

    def make(self, canaries: Canaries, pending: list[ClipState], past: PastTrials) -> None:
        """Makes clips until all have a final status, or the run is to stop."""
        try:
            canaries.run(pending, self._finish_wave, self._inputs.records.settle)
            self._progress.begin(TUNING)
            count = self._engine.tune_threads(pending, past)
            if count is not None:
                self._outcomes.event("denoise_threads", count=count)
            for _ in range(MAX_PASSES):
                self._pass(pending)
            self._give_up(pending)
        except Stopped as stopped:
            log.info("%s", stopped)

    def _pass(self, pending: Sequence[ClipState]) -> None:
        for wave in waves([state for state in pending if state.is_pending], self._wave_size):
            self._run_wave(wave)
        self._exports.drain()

    def _finish_wave(self, wave: list[ClipState]) -> None:
        self._run_wave(wave)
        self._exports.drain()

    def _run_wave(self, wave: list[ClipState]) -> None:
        self._outcomes.event("wave_started", clips=[state.clip.id for state in wave])
        self._engine.run_wave(wave, self._queue_export, self._exports.collect)

    def _queue_export(self, state: ClipState) -> None:
        self._exports.add(state)
        self._exports.collect()

    def _give_up(self, pending: Sequence[ClipState]) -> None:
        for state in pending:
            if state.is_pending:
                self._outcomes.give_up(state)

    def _wave_size(self) -> int:
        settings = self._inputs.config.executor
        if settings.wave_size:
            return settings.wave_size
        means = [self._progress.eta.mean_s(stage) for stage in MODEL_STAGES]
        known = [mean for mean in means if mean is not None]
        return wave_size(self._engine.wave_load_s, sum(known) if known else None, settings.load_share)
