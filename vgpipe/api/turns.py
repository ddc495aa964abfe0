"""The runs of one process take turns: torch's threads, the log and the model in memory belong to the whole process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vgpipe.errors import Stopped, UsageError
from vgpipe.executor.cancel_token import CancelToken

LOOK_S = 0.2


class Turns:
    """A lock that a cancelled caller does not wait for, and that says so where waiting would never end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    @contextmanager
    def turn(self, cancel: CancelToken | None) -> Iterator[None]:
        """Waits until no other run of this process is at work.

        Args:
            cancel: ends the waiting.

        Raises:
            Stopped: if cancelled before its turn.
            UsageError: where this very thread is in a run, such as in its progress callback.
        """
        if self._owner == threading.get_ident():
            raise UsageError("a run cannot be started from the progress callback of another one -> start it afterwards")
        while not self._lock.acquire(timeout=LOOK_S):
            raise_if_cancelled(cancel)
        self._owner = threading.get_ident()
        try:
            raise_if_cancelled(cancel)
            yield
        finally:
            self._owner = None
            self._lock.release()

    @contextmanager
    def turn_if_free(self) -> Iterator[bool]:
        """Takes the turn without waiting; says whether it could."""
        if not self._lock.acquire(blocking=False):
            yield False
            return
        self._owner = threading.get_ident()
        try:
            yield True
        finally:
            self._owner = None
            self._lock.release()


def raise_if_cancelled(cancel: CancelToken | None) -> None:
    """Raises `Stopped` where a run is cancelled before it has started."""
    if cancel is not None and cancel():
        raise Stopped(f"{cancel.reason}: the run was not started")


RUNS = Turns()
"""Those of this process."""
