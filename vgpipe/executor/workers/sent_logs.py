"""Sends what vgpipe and the libraries log in a worker to its driver."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vgpipe.executor.library_logs import AT_WORK, libraries_logged_to
from vgpipe.executor.workers.messages import LogLine

OURS = logging.getLogger("vgpipe")


@contextmanager
def logs_sent(send: Callable[[LogLine], object]) -> Iterator[None]:
    """Has everything that is logged in the block sent, and nothing written to the terminal.

    Args:
        send: takes each line; called from the thread that logs it.
    """
    handler = _Sender(send)
    saved = OURS.handlers, OURS.level, OURS.propagate
    OURS.handlers, OURS.propagate = [handler], False
    OURS.setLevel(logging.DEBUG)
    try:
        with libraries_logged_to(handler):
            yield
    finally:
        OURS.handlers, OURS.propagate = saved[0], saved[2]
        OURS.setLevel(saved[1])


class _Sender(logging.Handler):
    def __init__(self, send: Callable[[LogLine], object]):
        super().__init__()
        self._send = send
        self.setFormatter(logging.Formatter(f"%({AT_WORK})s%(message)s", defaults={AT_WORK: ""}))

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record).rstrip()
        self._send(LogLine(record.name, record.levelno, text, record.created))
