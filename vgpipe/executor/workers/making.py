"""Makes the clips that a worker was handed: the model stages over all of them, exports beside."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.clips.frame_users import FrameUsers
from vgpipe.errors import Stopped
from vgpipe.executor.base import WorkInputs
from vgpipe.executor.chosen_device import chosen_device
from vgpipe.executor.delivery import recipes_of
from vgpipe.executor.engine import Engine, memory_ladder
from vgpipe.executor.export_queue import ExportQueue, Result
from vgpipe.executor.outcomes import Outcomes, written_folders
from vgpipe.executor.past_trials import PastTrials, conditions_of
from vgpipe.executor.rendering import MAX_PASSES
from vgpipe.executor.text_turns import TextTurns
from vgpipe.executor.workers.messages import ClipEnded, Ending, WorkItem
from vgpipe.executor.workers.results import ended_of
from vgpipe.executor.workers.telling import Send, ToldProgress, ToldRecords, UnplacedDelivery
from vgpipe.fallback.files_gate import files_gate_of
from vgpipe.fallback.history import FallbackHistory, notes_of
from vgpipe.fallback.killed import KilledWork
from vgpipe.plans.starting_point import predicted_peak_gb
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

ENDINGS = {
    Status.DONE: Ending.DONE,
    Status.DRAFTED: Ending.DONE,
    Status.FAILED: Ending.FAILED,
    Status.STOPPED: Ending.STOPPED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerSettings:
    """What a maker takes beside its inputs.

    Attributes:
        run_root: the run directory, which only the driver writes.
        send: sends to the driver.
        texts: decides who encodes a text.
        denoise_threads: CPU threads of denoising; None leaves them.
    """

    run_root: Path
    send: Send
    texts: TextTurns
    denoise_threads: int | None = None


class ClipMaker:
    """Makes clips on one device; as a context manager it frees the device at the end and waits for running exports.

    Args:
        inputs: what making clips takes; the store is this worker's.
        settings: the rest.

    Attributes:
        device: torch device string.
        engine: the model stages.
    """

    def __init__(self, inputs: WorkInputs, settings: MakerSettings):
        self._inputs, self._send, self._store = inputs, settings.send, inputs.finished.store
        self._history = FallbackHistory(notes_of(self._store), inputs.keys, inputs.config)
        self._frame_users = FrameUsers()
        self._gate = files_gate_of(inputs.config, inputs.keys, self._store)
        self._records = ToldRecords(settings.send, self._ended)
        self._delivery = UnplacedDelivery(
            inputs.finished, RunDir(settings.run_root), inputs.keys, {}, self._frame_users, recipes_of(inputs)
        )
        self._outcomes = Outcomes(
            self._store,
            self._records,
            self._delivery,
            None,
            ToldProgress(settings.send),
            inputs.stop,
            written_folders(self._store.root),
            inputs.texts,
        )
        self.device = chosen_device(inputs.config.hardware)
        self._ladder = memory_ladder(inputs, self.device, self._frame_users)
        self._killed = KilledWork(self._ladder, self._store.root, settings.run_root)
        self.engine = Engine(
            inputs,
            self.device,
            self._ladder,
            self._outcomes,
            self._killed,
            self._frame_users,
            texts=settings.texts,
            denoise_threads=settings.denoise_threads,
        )
        self._exports = ExportQueue(self._delivery.export, self._exported)
        self._exporting: set[ClipState] = set()
        self._current: set[ClipState] = set()
        self._open = ExitStack()

    def __enter__(self) -> ClipMaker:
        for held in (self._killed, self.engine, self._exports):
            self._open.enter_context(held)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(*error)  # type: ignore[arg-type] # whatever the with statement gives

    @property
    def is_exporting(self) -> bool:
        """Whether exports have not ended yet; `collect` tells the driver of those that have."""
        return bool(self._exporting)

    def collect(self) -> None:
        """Handles the exports that have ended, without waiting."""
        self._exports.collect()

    def make(self, items: Sequence[WorkItem]) -> None:
        """Takes clips through all stages; their exports may end later.

        Raises:
            Stopped: where the worker is to stop; what is done is on the disk, and the driver knows which clips
                are given back.
        """
        states = [self._state(item) for item in items]
        self._current = set(states)
        try:
            self._prepare(states)
            self._take_through(states)
        except Stopped:
            self._exports.drain()
            raise
        finally:
            self._current = set()
            for state in states:
                if state not in self._exporting and not _has_ended(state):
                    self._send(self._ended(state))

    def try_threads(self, items: Sequence[WorkItem]) -> Mapping[int, float]:
        """Makes a trial of thread counts.

        Args:
            items: one canary of each shape.

        Returns:
            Thread count -> seconds, of those that keep the bits; empty where no trial is possible.
        """
        inputs = self._inputs
        conditions = conditions_of(inputs.config, self.device, self._ladder.strategies)
        past = PastTrials(notes_of(self._store), inputs.keys, conditions)
        canaries = [inputs.keys.new_canary(item.clip, item.represents_steps or 1) for item in items]
        return self.engine.try_threads(canaries, past)

    def _take_through(self, states: Sequence[ClipState]) -> None:
        for _ in range(MAX_PASSES):
            pending = self._unfinished(states)
            if not pending:
                return
            self._records.event("wave_started", clips=[state.clip.id for state in pending])
            self.engine.run_wave(pending, self._export, self._exports.collect)
        for state in self._unfinished(states):
            self._outcomes.give_up(state)

    def _state(self, item: WorkItem) -> ClipState:
        keys = self._inputs.keys
        if item.represents_steps is not None:
            return keys.new_canary(item.clip, item.represents_steps)
        state = keys.new_state(
            item.clip,
            requested=item.requested,
            degradations=item.degradations,
            notes=item.setting_notes,
            draft=item.draft,
        )
        state.note_texts(item.text_notes)
        return state

    def _prepare(self, states: Sequence[ClipState]) -> None:
        """Gives clips the memory settings they need; finishes those that an earlier run made with the same ones."""
        for state, error in self._killed.take_up(states):
            state.fail(str(error), error)
            log.error("%s failed in %s", state.clip.id, error)
            self._records.settle(state)
        for state in states:
            if state.is_pending:
                state.expect_peak(predicted_peak_gb(self._inputs.plan, state))
                self._ladder.prepare(state)
            if state.is_pending and self._has_files(state):
                state.finish_from_store(is_reused=True)
                self._records.settle(state)
        self._frame_users.count([*self._exporting, *(state for state in states if state.is_pending)])

    def _has_files(self, state: ClipState) -> bool:
        """Says whether the store has a clip's files, which the driver judges again before it places them."""
        artifacts = self._inputs.finished.found(state.keys)
        return artifacts is not None and self._gate.takes(state, artifacts)

    def _unfinished(self, states: Sequence[ClipState]) -> list[ClipState]:
        return [state for state in states if state.is_pending and state not in self._exporting]

    def _export(self, state: ClipState) -> None:
        self._exporting.add(state)
        self._exports.add(state)
        self._exports.collect()

    def _exported(self, state: ClipState, result: Result) -> None:
        self._exporting.discard(state)
        self._outcomes.exported(state, result)
        if state not in self._current and not _has_ended(state):  # its frames vanished, or the disk is full
            self._send(self._ended(state))

    def _ended(self, state: ClipState) -> ClipEnded:
        return ended_of(state, ENDINGS.get(state.status, Ending.GIVEN_BACK), self._history)


def _has_ended(state: ClipState) -> bool:
    return state.is_made or state.status is Status.FAILED
