"""What follows when a piece of work of a clip ends: its status, its record, its files, the progress."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.clips.degradation import SIZE
from vgpipe.clips.notes import TextNotes
from vgpipe.errors import ExportError, PrecisionError, StoreError, VgpipeError, is_disk_full
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.export_queue import Result
from vgpipe.exporters.temporary import temporary_root
from vgpipe.fallback.history import FallbackHistory
from vgpipe.models.text_reader import TextReading
from vgpipe.stages import overflows
from vgpipe.store.artifacts import LostArtifact, Store
from vgpipe.store.disk_space import what_to_free
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT, STAGES

log = logging.getLogger(__name__)

VANISHED = "decode: its frames vanished from the store each time they were made"


class ClipRecords(Protocol):
    """Where what happens to clips is recorded: the run directory, or a driver that has it."""

    def event(self, kind: str, **facts: object) -> None:
        """Appends an event."""

    def settle(self, state: ClipState) -> None:
        """Records a clip that has its final status."""


class WorkCounter(Protocol):
    """Counts pieces of work: a `Progress`, or a driver that has one."""

    def begin(
        self, stage: str, clip: str = "", *, segment: tuple[int, int] | None = None, is_canary: bool = False
    ) -> None:
        """Notes what runs from now on."""

    def step(self, done: int, total: int) -> None:
        """Notes how many steps of it are done."""

    def loading(self, part: str) -> None:
        """Notes that a component is loaded now; an empty name: that it is there."""

    def advance(self, stage: str, seconds: float, name: str) -> None:
        """Counts one finished piece of a stage."""

    def tried(self, stage: str, seconds: float, name: str, typical_s: float) -> None:
        """Notes a piece of a canary, and what it takes for an ordinary clip."""

    def drop(self, stage: str) -> None:
        """Notes that a piece of a stage will not be done."""

    def clip_done(self) -> None:
        """Counts a finished clip."""


class Outcomes:
    """Handles what the stages and the exports of one attempt report; a `StageReport`.

    Args:
        store: remembers overflows.
        records: where clips and events are recorded.
        delivery: places files, releases frames.
        history: remembers how clips were made that could not be made as asked; None where a driver does.
        progress: counts what is done.
        stop: asked to stop the run when the disk is full.
        folders: that the run writes to, the store first.
        texts: notes of what the model does not read of the clips' texts.
    """

    def __init__(
        self,
        store: Store,
        records: ClipRecords,
        delivery: ExportDelivery,
        history: FallbackHistory | None,
        progress: WorkCounter,
        stop: CancelToken,
        folders: Sequence[Path],
        texts: TextNotes,
    ):
        self._store, self._records, self._delivery = store, records, delivery
        self._history, self._progress, self._stop = history, progress, stop
        self._folders, self._texts = folders, texts
        self._lost: dict[str, str] = {}

    def event(self, kind: str, **facts: object) -> None:
        """Appends to the run's events."""
        self._records.event(kind, **facts)

    def lost(self, segment: SegmentState, stage: str, error: LostArtifact) -> None:
        """Sets a missing or damaged artifact aside; the next pass over the pending clips makes it again."""
        clip_id, message = segment.parent.id, failure_message(stage, error)
        # Once a clip: without its latents, say, it has nothing to decode in the same pass.
        log.log(
            logging.DEBUG if clip_id in self._lost else logging.WARNING, "%s: %s; it is made again", clip_id, message
        )
        self._lost[clip_id] = message
        try:
            self._store.set_aside(error.key, error.reason)
        except StoreError as unmovable:
            self.failed(segment, stage, unmovable)

    def piece_started(self, segment: SegmentState, stage: str) -> None:
        """Shows what runs from now on."""
        state = segment.parent
        number = (segment.segment.index + 1, len(state.segments)) if state.is_long else None
        self._progress.begin(stage, state.clip.id, segment=number, is_canary=state.is_canary)

    def loading(self, part: str) -> None:
        """Shows which component is loaded now."""
        self._progress.loading(part)

    def text_read(self, segment: SegmentState, text: str, reading: TextReading | None) -> None:
        """Notes what the model does not read of a text, unless that was known before."""
        state = segment.parent
        self._texts.learn(text, reading)
        for note in () if state.is_canary else self._texts.note(state):
            log.warning("%s: %s", state.id, note)

    def step_done(self, segment: SegmentState, done: int, total: int) -> None:
        """Shows that `done` of `total` denoising steps are done."""
        self._progress.step(done, total)

    def piece_done(self, segment: SegmentState, stage: str, seconds: float, name: str) -> None:
        """Records one finished piece of work of a stage."""
        self.event("stage_done", stage=stage, clip=segment.clip.id, seconds=seconds)
        self._count(segment, stage, seconds, name)

    def exported(self, state: ClipState, result: Result) -> None:
        """Handles the end of an export.

        Args:
            state: the clip.
            result: returns its export artifacts, None where its frames vanished; or raises.
        """
        try:
            artifacts = result()
            if artifacts is None and state.is_rejected:  # the verdict stands without them
                self._records.settle(state)
                return
            if artifacts is None:
                log.warning("%s: its frames vanished from the store; making them again", state.clip.id)
                return
            self._delivery.place(state, artifacts)
        except FileNotFoundError as error:
            if self._delivery.has_files(state):
                self.failed(state.segments[-1], EXPORT, error)
            else:
                log.warning("%s: its files vanished from the store; making them again", state.clip.id)
            return
        except Exception as error:  # one bad clip never stops the others
            self._not_exported(state, error)
            return
        state.set_seconds(EXPORT, sum(float(artifact.info["seconds"]) for artifact in artifacts))
        self.event("stage_done", stage=EXPORT, clip=state.clip.id, seconds=state.seconds[EXPORT])
        if self._history is not None and not state.is_canary:
            self._history.remember(state)
        if not state.is_rejected:
            state.finish()
        self._lost.pop(state.id, None)
        self._records.settle(state)
        self._delivery.release_frames(state)
        if state.is_made and not state.is_canary:
            self._progress.clip_done()
        self._count(state.segments[-1], EXPORT, state.seconds[EXPORT], state.clip.id)

    def _not_exported(self, state: ClipState, error: Exception) -> None:
        """Handles an export that failed; what a check said of the clip stands where the disk is not to blame."""
        if state.is_rejected and not self._remedy_of_disk(error):
            log.warning("%s: its rejected file is not kept: %s", state.id, failure_message(EXPORT, error))
            self._records.settle(state)
            return
        self.failed(state.segments[-1], EXPORT, error)

    def rejected(self, segment: SegmentState) -> None:
        """Records a canary that a check rejects; what is left of a clip is no longer counted, but for its export."""
        state = segment.parent
        if state.is_canary:
            self._records.settle(state)
            return
        for _ in state.segments[segment.segment.index + 1 :]:
            for stage in (DENOISE, DECODE):
                self._progress.drop(stage)

    def failed(self, segment: SegmentState, stage: str, error: Exception) -> None:
        """Takes a segment's clip out of the run; a full disk, or a store that has gone, stops the run instead."""
        state, message = segment.parent, failure_message(stage, error)
        of_segment = state.is_long and stage != EXPORT
        if of_segment:
            message = f"segment {segment.segment.index + 1} of {len(state.segments)}: {message}"
        remedy = self._remedy_of_disk(error)
        if remedy:
            # Every later clip would do its work and then lose it: better to stop while all of it can be resumed.
            message = f"{message}; {remedy}"
            state.stop(message)
            self._stop.cancel(message)
            return
        if isinstance(error, PrecisionError):
            self._remember_overflow(segment, message)
        state.fail(message, error)
        log.error("%s failed in %s", state.clip.id, message)
        log.debug("traceback of %s", state.clip.id, exc_info=error)
        self._records.settle(state)
        self._drop_rest(segment, stage)

    def _remedy_of_disk(self, error: Exception) -> str:
        """Returns what to do about the disk or the store, where one of them is to blame; else nothing."""
        if is_disk_full(error):
            return what_to_free(error, self._folders)
        if isinstance(error, StoreError):
            try:
                self._store.require_writable()
            except StoreError:
                return f"the store {self._store.root} can no longer be written: bring it back"
        return ""

    def give_up(self, state: ClipState) -> None:
        """Marks a clip as failed that no pass could finish."""
        shrunk = next((one for one in state.degradations if one.kind == SIZE), None)
        state.fail(self._lost.get(state.id, shrunk.reason if shrunk else VANISHED))
        self._records.settle(state)

    def _count(self, segment: SegmentState, stage: str, seconds: float, name: str) -> None:
        if not is_work_of_job(segment, stage):
            self._progress.tried(stage, seconds, name, typical_s(segment, stage, seconds))
        else:
            self._progress.advance(stage, seconds, name)

    def _drop_rest(self, segment: SegmentState, stage: str) -> None:
        """Takes what is left of a failed clip out of the progress."""
        if segment.parent.is_canary:
            return
        left = len(segment.parent.segments) - (0 if stage == EXPORT else segment.segment.index)
        for dropped in STAGES[max(1, STAGES.index(stage)) :]:
            for _ in range(1 if dropped == EXPORT else left):
                self._progress.drop(dropped)

    def _remember_overflow(self, segment: SegmentState, message: str) -> None:
        try:
            overflows.remember(self._store, segment.keys, message)
        except StoreError as error:
            log.debug("%s", error)


def written_folders(*roots: Path) -> tuple[Path, ...]:
    """Returns the folders that a run writes to: its own, and that of temporary files.

    Args:
        roots: the store first, then the run directory.
    """
    try:
        return (*roots, temporary_root())
    except ExportError:
        return roots


def is_work_of_job(segment: SegmentState, stage: str) -> bool:
    """Says whether a piece is what a clip needs: of a canary its texts are, and all but its export at full steps."""
    state = segment.parent
    if not isinstance(state, CanaryState) or stage == ENCODE:
        return True
    return stage != EXPORT and state.represents_steps == state.clip.num_inference_steps


def typical_s(segment: SegmentState, stage: str, seconds: float) -> float:
    """Returns the seconds of a piece for an ordinary clip: a canary's denoising is scaled to all the steps."""
    state = segment.parent
    if stage != DENOISE or not isinstance(state, CanaryState):
        return seconds
    return seconds * state.represents_steps / state.clip.num_inference_steps


def failure_message(stage: str, error: Exception) -> str:
    """Returns what the user reads of a failure: the stage and the error in one line."""
    if isinstance(error, OSError) and error.strerror and error.filename2:  # Python joins the two paths by an arrow
        return f"{stage}: {error.strerror}: {error.filename2}"
    return f"{stage}: {error if isinstance(error, VgpipeError) else f'{type(error).__name__}: {error}'}"
