"""What the libraries log: to the log file of a run, with the clip it belongs to, instead of the terminal.

diffusers, transformers and torch bring handlers of their own, which write to stderr, and keep their records from the
root logger. They attach these when they are imported, at a time that vgpipe does not choose. So a handler of vgpipe is
attached to their loggers beforehand: with the first record it takes theirs away.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from vgpipe.executor.at_work import who_is_at_work

OWN_HANDLERS = (
    "diffusers",
    "transformers",
    "huggingface_hub",
    "optuna",
    "torch",
    "torch._dynamo",
    "torch._functorch",
    "torch._inductor",
    "torch.distributed",
    "torch.export",
)
"""Loggers whose library attaches a handler that writes to stderr."""
TOLD_BY_NOTES = ("input was truncated because", "Token indices sequence length is longer than")
"""What the libraries say of a text that is longer than the model reads, of which the clip has a note."""
MAX_WAITING = 1000
SEEN = "vgpipe_seen"
AT_WORK = "at_work"


class _LibraryLog(logging.Handler):
    """Passes records of the libraries on to the sinks; keeps them until there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.sinks: list[logging.Handler] = []
        self.waiting: deque[logging.LogRecord] = deque(maxlen=MAX_WAITING)
        self.taken_away: list[tuple[logging.Logger, logging.Handler]] = []

    def emit(self, record: logging.LogRecord) -> None:
        for name in OWN_HANDLERS:
            if record.name == name or record.name.startswith(f"{name}."):
                self.take_over(logging.getLogger(name))
        if any(one in str(record.msg) for one in TOLD_BY_NOTES):
            return
        if getattr(record, SEEN, False):  # a logger and its parent have this handler both
            return
        setattr(record, SEEN, True)
        at_work = who_is_at_work()
        setattr(record, AT_WORK, f"[{at_work}] " if at_work else "")
        for sink in self.sinks:
            if record.levelno >= sink.level:
                sink.handle(record)
        if not self.sinks:
            self.waiting.append(record)

    def take_over(self, logger: logging.Logger) -> None:
        """Takes away what writes a logger's records to the terminal."""
        for handler in [one for one in logger.handlers if writes_to_terminal(one)]:
            logger.removeHandler(handler)
            self.taken_away.append((logger, handler))


_LOG = _LibraryLog()


@contextmanager
def libraries_kept_quiet() -> Iterator[None]:
    """Keeps what the libraries log off the terminal, and remembers it for the first `libraries_logged_to` inside.

    Side effects:
        Attaches a handler to the loggers of the libraries and to the root logger, and has Python's warnings logged. All
        of it is undone at the end, unless an outer block still needs it.
    """
    if _LOG in logging.getLogger().handlers:
        yield
        return
    loggers = [logging.getLogger(), *map(logging.getLogger, OWN_HANDLERS)]
    for logger in loggers:
        logger.addHandler(_LOG)
    for logger in loggers[1:]:
        _LOG.take_over(logger)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger in loggers:
            logger.removeHandler(_LOG)
        for logger, handler in _LOG.taken_away:
            logger.addHandler(handler)
        _LOG.taken_away.clear()
        _LOG.waiting.clear()


@contextmanager
def libraries_logged_to(sink: logging.Handler) -> Iterator[None]:
    """Passes what the libraries log to a handler as well, beginning with what they logged before there was one.

    Args:
        sink: gets records with the attribute `at_work`: `[stage clip] `, or nothing.
    """
    with libraries_kept_quiet():
        earlier = [] if _LOG.sinks else list(_LOG.waiting)
        _LOG.waiting.clear()
        _LOG.sinks.append(sink)
        for record in earlier:
            sink.handle(record)
        try:
            yield
        finally:
            _LOG.sinks.remove(sink)


def is_library_log(handler: logging.Handler) -> bool:
    """Says whether a handler is the one that this module attaches."""
    return handler is _LOG


def writes_to_terminal(handler: logging.Handler) -> bool:
    """Says whether a handler writes to stderr or stdout."""
    streams = (sys.stderr, sys.stdout, sys.__stderr__, sys.__stdout__)
    return isinstance(handler, logging.StreamHandler) and any(handler.stream is one for one in streams)
