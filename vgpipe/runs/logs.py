"""Where the log lines of a run go: all of them to run.log, what a person needs to the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _Terminal(logging.Handler):
    """Writes above the progress bars rather than through them, and leaves out what a bar already shows."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "bar", False) and sys.stderr.isatty():
            return
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        with suppress(OSError):  # a full disk or a closed pipe behind stderr must not stop the run
            _write(f"{mark}{record.getMessage()}\n")


def _write(text: str) -> None:
    """Writes to stderr, above the bars where there are any."""
    if "tqdm" not in sys.modules:  # nothing has drawn a bar yet
        sys.stderr.write(text)
        return
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr, end="")


class _Buffer(logging.Handler):
    """Keeps records until there is a log file."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class _Outside(logging.Handler):
    """Passes records on to the handlers that the program around vgpipe has set up, at the level it has chosen."""

    def __init__(self, ours: logging.Logger) -> None:
        super().__init__(ours.getEffectiveLevel())
        self._others = [*ours.handlers, *(logging.getLogger().handlers if ours.propagate else ())]

    def emit(self, record: logging.LogRecord) -> None:
        for handler in self._others:
            if record.levelno >= handler.level:
                handler.handle(record)


@contextmanager
def logging_early(terminal: bool) -> Iterator[list[logging.LogRecord]]:
    """Gives the records that vgpipe logs meanwhile, for the `logging_to` that follows.

    Args:
        terminal: whether they are shown on the terminal as well; else they go to the handlers of the program around.
    """
    buffer = _Buffer()
    with _our_handlers(terminal, buffer):
        yield buffer.records


@contextmanager
def logging_to(path: Path, earlier: Sequence[logging.LogRecord] = (), *, terminal: bool) -> Iterator[None]:
    """Sends vgpipe's log and the libraries' warnings to a file.

    A file that cannot be written, or not completely, is a warning on the terminal: the clips matter more.

    Args:
        path: the log file; lines are appended.
        earlier: records that were made before there was a file.
        terminal: whether what a person needs is shown on the terminal as well; else it goes to the handlers of the
            program around.
    """
    raises = logging.raiseExceptions
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not bury the run in tracebacks
    try:
        with _our_handlers(terminal), _log_file(path, earlier):
            yield
    finally:
        logging.captureWarnings(False)
        logging.raiseExceptions = raises


@contextmanager
def _our_handlers(terminal: bool, *more: logging.Handler) -> Iterator[None]:
    """Has vgpipe log everything to `more` and to the terminal, or else to the handlers of the program around it."""
    ours = logging.getLogger("vgpipe")
    saved = ours.handlers, ours.level, ours.propagate
    ours.handlers = [*more, _Terminal(logging.INFO) if terminal else _Outside(ours)]
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    try:
        yield
    finally:
        ours.handlers, ours.propagate = saved[0], saved[2]
        ours.setLevel(saved[1])


@contextmanager
def _log_file(path: Path, earlier: Sequence[logging.LogRecord]) -> Iterator[None]:
    try:
        file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        log.warning("there is no log file: %s", error)
        yield
        return
    file.setFormatter(logging.Formatter(FORMAT))
    file.setLevel(logging.DEBUG)
    loggers = (logging.getLogger("vgpipe"), logging.getLogger())
    for logger in loggers:
        logger.addHandler(file)
    for record in earlier:
        file.handle(record)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(file)
        try:
            file.close()
        except OSError as error:  # it writes what is still buffered: the disk may be full
            log.warning("%s is incomplete: %s", path, error)
