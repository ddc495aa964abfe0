"""Exports clips beside the next clip's model work: ffmpeg and PNG need the CPU, not the model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.at_work import at_work
from vgpipe.store.artifacts import Artifact
from vgpipe.vocabulary import EXPORT

Artifacts = tuple[Artifact, ...] | None
Result = Callable[[], Artifacts]


class ExportQueue:
    """Runs exports in one worker thread; their results are handled in the caller's thread.

    As a context manager it ends the worker: exports that have not begun are dropped, those that have are handled.

    Args:
        export: makes a clip's export artifacts; runs in the worker.
        on_exported: handles one result; called with the clip and a function that returns the artifacts or raises.
    """

    def __init__(self, export: Callable[[ClipState], Artifacts], on_exported: Callable[[ClipState, Result], None]):
        self._export, self._on_exported = export, on_exported
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
        self._waiting: list[tuple[ClipState, Future[Artifacts]]] = []

    def __enter__(self) -> ExportQueue:
        return self

    def __exit__(self, *_error: object) -> None:
        self._waiting = [(state, future) for state, future in self._waiting if not future.cancel()]
        self.drain()
        self._worker.shutdown()

    def add(self, state: ClipState) -> None:
        """Queues a clip whose frames are in the store."""
        self._waiting.append((state, self._worker.submit(self._work, state)))

    def _work(self, state: ClipState) -> Artifacts:
        with at_work(EXPORT, state.clip.id):
            return self._export(state)

    def collect(self) -> None:
        """Handles what has finished, without waiting."""
        finished = [entry for entry in self._waiting if entry[1].done()]
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        for state, future in finished:
            self._on_exported(state, future.result)

    def drain(self) -> None:
        """Waits for all exports and handles them one by one as they finish."""
        while self._waiting:
            state, future = self._waiting.pop(0)
            self._on_exported(state, future.result)
