"""Counts and reports the bytes of a download, and stops it on request."""

from __future__ import annotations

import time
from collections.abc import Callable

from vgpipe.errors import Stopped

REPORT_EVERY_S = 0.2

Progress = Callable[[int, int], None]
"""Called with (bytes done, total bytes)."""
ShouldStop = Callable[[], bool]


class Meter:
    """Counts bytes, reports progress a few times per second, and stops the download on request.

    Args:
        done_bytes: bytes that are already in the cache.
        total_bytes: bytes in total.
        progress: called with both.
        should_stop: called between chunks; True ends the download.
    """

    def __init__(
        self,
        done_bytes: int,
        total_bytes: int,
        progress: Progress | None,
        should_stop: ShouldStop | None,
    ):
        self.done_bytes = done_bytes
        self.total_bytes = total_bytes
        self._progress = progress
        self._should_stop = should_stop
        self._reported_s = 0.0

    def add(self, count: int = 0) -> None:
        """Counts bytes; negative for bytes that must be downloaded again.

        Raises:
            Stopped: if a stop was requested.
        """
        self.done_bytes += count
        if self._should_stop is not None and self._should_stop():
            raise Stopped("stopped while downloading; the download resumes with the next run")
        if time.monotonic() - self._reported_s >= REPORT_EVERY_S:
            self.report()

    def report(self) -> None:
        """Reports the count now."""
        self._reported_s = time.monotonic()
        if self._progress is not None:
            self._progress(self.done_bytes, self.total_bytes)

    def sleep(self, wait_s: float) -> None:
        """Waits, or stops on request.

        Raises:
            Stopped: if a stop was requested.
        """
        end_s = time.monotonic() + wait_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.add()
            time.sleep(min(REPORT_EVERY_S, left_s))
