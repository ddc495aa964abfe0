"""Kills a process that makes no progress."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a process that was started in a session of its own, and its children."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        elif process.returncode is None:  # otherwise its id may belong to another process
            os.killpg(process.pid, signal.SIGKILL)


class Watchdog:
    """Kills a process that makes no progress for too long while the caller waits for it.

    Progress is a frame read or a file that grew. Time in which the caller does not wait is not counted, because frames
    may arrive slowly.

    Args:
        process: in a session of its own.
        target: the file that it writes.
        timeout_s: seconds without progress.
    """

    def __init__(self, process: subprocess.Popen[bytes], target: Path, timeout_s: float):
        self.has_fired = False
        self._process, self._target, self._timeout_s = process, target, timeout_s
        self._waits, self._is_waited_for = 0, False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ffmpeg watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time of the block as waiting, and its end as progress."""
        self._is_waited_for = True
        try:
            yield
        finally:
            self._is_waited_for = False
            self._waits += 1

    def _watch(self) -> None:
        seen, since_s = self._progress(), time.monotonic()
        while not self._over.wait(min(1.0, self._timeout_s / 4)):
            progress = self._progress()
            if progress != seen or not self._is_waited_for:
                seen, since_s = progress, time.monotonic()
            elif time.monotonic() - since_s > self._timeout_s:
                self.has_fired = True
                kill(self._process)
                return

    def _progress(self) -> tuple[int, int]:
        try:
            return self._waits, self._target.stat().st_size
        except OSError:
            return self._waits, 0
