"""What follows in the run when a clip has ended in a worker: its state, its files, its record."""

from __future__ import annotations

import logging

from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import is_disk_full
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.delivery import ExportDelivery
from vgpipe.executor.outcomes import failure_message, written_folders
from vgpipe.executor.progress import Progress
from vgpipe.executor.workers.messages import ClipEnded, Ending
from vgpipe.executor.workers.results import error_of
from vgpipe.fallback.history import FallbackHistory
from vgpipe.store.disk_space import what_to_free
from vgpipe.vocabulary import EXPORT

log = logging.getLogger(__name__)

NOT_THERE = "%s: its finished files are not in the store; it is made again"


class Settling:
    """Gives clips their final status, places their files and records them.

    Args:
        inputs: what the executor was given.
        history: remembers how clips were made that could not be made as asked.
        delivery: places files into the run.
        progress: counts finished clips.
    """

    def __init__(self, inputs: ExecutorInputs, history: FallbackHistory, delivery: ExportDelivery, progress: Progress):
        self._inputs, self._history, self._delivery, self._progress = inputs, history, delivery, progress
        self._store = inputs.finished.store

    def settle(self, state: ClipState, ended: ClipEnded, worker: str) -> bool:
        """Takes over what a worker tells of a clip that is done or failed.

        Args:
            state: the clip.
            ended: what the worker tells.
            worker: which.

        Returns:
            Whether the clip has its final status; else its files are not in the store, and it is to be made again.
        """
        self._take_over(state, ended)
        if ended.is_rejected:
            return self._reject(state, ended, worker)
        if ended.ending is Ending.FAILED:
            self.fail(state, ended.error, error_of(ended.failure) if ended.failure else None, worker=worker)
            return True
        if not state.is_canary and not self._place(state):
            return state.error is not None
        if ended.is_reused and not state.is_rejected:
            state.finish_from_store(is_reused=True)
        elif not state.is_rejected:
            state.finish()
        if not (state.is_canary or ended.is_reused):
            self._history.remember(state)
        self._inputs.records.settle(state, worker=worker)
        if state.is_made and not state.is_canary:
            if ended.is_reused:  # a worker died that had exported it, and no other exports it again
                self._progress.drop(EXPORT)
            self._progress.clip_done()
        return True

    def _reject(self, state: ClipState, ended: ClipEnded, worker: str) -> bool:
        """Records a clip that a check rejects, with the files that the worker has exported, if any."""
        state.reject(ended.error)
        found = [self._store.find(key) for key in state.keys.exports] if not state.is_canary else []
        artifacts = [artifact for artifact in found if artifact is not None]
        if artifacts and len(artifacts) == len(found):
            try:
                self._delivery.place(state, artifacts)
            except OSError as error:
                self._not_placed(state, error)
                return True
            self._history.remember(state)
        self._inputs.records.settle(state, worker=worker)
        return True

    def fail(self, state: ClipState, message: str, error: Exception | None = None, **facts: object) -> None:
        """Marks a clip as failed and records it.

        Args:
            state: the clip.
            message: what the user reads.
            error: the failure, where another way to load the model may help.
            facts: further ones for the event.
        """
        state.fail(message, error)
        self._inputs.records.settle(state, **facts)

    def _take_over(self, state: ClipState, ended: ClipEnded) -> None:
        self._history.take_over(state, ended.made)
        state.take_over(
            degradations=ended.degradations,
            of_segments=tuple(zip(ended.segment_degradations, ended.segment_seconds, strict=True)),
            seconds=ended.seconds,
            peak_ram_gb=ended.peak_ram_gb,
            peak_vram_gb=ended.peak_vram_gb,
            predicted_peak_gb=ended.predicted_peak_gb,
        )
        state.note_verdicts(ended.verdicts)
        state.note_texts(ended.text_notes)

    def _place(self, state: ClipState) -> bool:
        """Places the files of a clip; returns whether it could."""
        found = [self._store.find(key) for key in state.keys.exports]
        artifacts = [artifact for artifact in found if artifact is not None]
        if len(artifacts) < len(found):
            log.warning(NOT_THERE, state.id)
            return False
        try:
            self._delivery.place(state, artifacts)
        except OSError as error:
            if not self._delivery.has_files(state):
                log.warning(NOT_THERE, state.id)
                return False
            self._not_placed(state, error)
            return False
        return True

    def _not_placed(self, state: ClipState, error: OSError) -> None:
        message = failure_message(EXPORT, error)
        if is_disk_full(error):
            folders = written_folders(self._store.root, self._inputs.run_dir.root)
            message = f"{message}; {what_to_free(error, folders)}"
            state.stop(message)
            self._inputs.stop.cancel(message)
            return
        log.error("%s failed in %s", state.id, message)
        self.fail(state, message)
