"""Writes how far a run is into its directory, for whoever looks at it from outside: progress.json."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from vgpipe.errors import StoreError
from vgpipe.executor.progress_state import ProgressListener, ProgressState
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)

INTERVAL_S = 1.0


class ProgressFile:
    """Keeps progress.json up to date, at most once a second; a `ProgressListener`.

    As a context manager it removes the file at the end: what is there after a kill says where that was. A thread writes
    it, so that a slow disk delays no step, and so that the last news before a long silence get there too.

    Args:
        run_dir: of the run.
        also: another listener, called after it; one that raises is reported once and then left alone.
    """

    def __init__(self, run_dir: RunDir, also: ProgressListener | None = None):
        self._run_dir, self._also = run_dir, also
        self._state: ProgressState | None = None
        self._has_news, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="progress file", daemon=True)

    def __enter__(self) -> ProgressFile:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._has_news.set()
        self._thread.join()
        with suppress(OSError):
            self._run_dir.progress.unlink()

    def __call__(self, state: ProgressState) -> None:
        """Takes the newest state."""
        self._state = state
        self._has_news.set()
        if self._also is None:
            return
        try:
            self._also(state)
        except Exception as error:  # whatever a listener does, the clips matter more
            self._also = None
            log.warning("the progress is no longer reported: %s: %s", type(error).__name__, error)
            log.debug("traceback of the progress listener", exc_info=error)

    def _keep(self) -> None:
        while self._has_news.wait() and not self._ended.is_set():
            self._has_news.clear()
            if self._state is not None:
                try:
                    self._run_dir.write_progress(_record(self._state))
                except StoreError as error:
                    log.debug("%s", error)
            self._ended.wait(INTERVAL_S)


def _record(state: ProgressState) -> dict[str, Any]:
    facts = asdict(state)
    finish_at = state.finish_at.timestamp() if state.finish_at is not None else None
    return {"time": round(time.time(), 3), "pid": os.getpid(), **facts, "finish_at": finish_at}
