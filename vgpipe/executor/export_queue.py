"""Exports clips beside the next clip's model work: ffmpeg and PNG need the CPU, not the model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from vgpipe.clips.clip_state import ClipWork
from vgpipe.store.artifacts import Artifact

Artifacts = tuple[Artifact, ...] | None
Result = Callable[[], Artifacts]
Export = Callable[[ClipWork], Artifacts]
Finish = Callable[[ClipWork, Result], None]


class ExportQueue:
    """Runs exports in one worker thread; their results are taken up in the caller's thread.

    Args:
        export: makes a clip's export artifacts; runs in the worker.
        finish: takes up one result; called with the clip and a function that returns the artifacts or raises.
    """

    def __init__(self, export: Export, finish: Finish):
        self._export, self._finish = export, finish
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")
        self._waiting: list[tuple[ClipWork, Future[Artifacts]]] = []

    def add(self, work: ClipWork) -> None:
        """Queues a clip whose frames are in the store."""
        self._waiting.append((work, self._worker.submit(self._export, work)))

    def collect(self) -> None:
        """Takes up what has finished, without waiting."""
        finished = [entry for entry in self._waiting if entry[1].done()]
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        for work, future in finished:
            self._finish(work, future.result)

    def drain(self) -> None:
        """Waits for all exports and takes them up, one by one as they finish."""
        while self._waiting:
            work, future = self._waiting.pop(0)
            self._finish(work, future.result)

    def stop(self) -> None:
        """Drops exports that have not begun, takes up those that have, ends the worker."""
        self._waiting = [(work, future) for work, future in self._waiting if not future.cancel()]
        self.drain()
        self._worker.shutdown()
