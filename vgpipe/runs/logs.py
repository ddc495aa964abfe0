"""Where the log lines of a run go: all of them to run.log, what a person needs to the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

log = logging.getLogger(__name__)

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _Terminal(logging.Handler):
    """Writes above the progress bars rather than through them, and leaves out what a bar already shows."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "bar", False) and sys.stderr.isatty():
            return
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        with suppress(OSError):  # a full disk or a closed pipe behind stderr must not stop the run
            tqdm.write(f"{mark}{record.getMessage()}", file=sys.stderr)


class _Buffer(logging.Handler):
    """Keeps records until there is a log file."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def logging_early() -> Iterator[list[logging.LogRecord]]:
    """Sends vgpipe's log to the terminal; gives the records so far, for the `logging_to` that follows."""
    buffer, ours = _Buffer(), logging.getLogger("vgpipe")
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.handlers = [buffer, _Terminal(logging.INFO)]
    try:
        yield buffer.records
    finally:
        ours.handlers = []
        ours.propagate = True


@contextmanager
def logging_to(path: Path, earlier: Sequence[logging.LogRecord] = ()) -> Iterator[None]:
    """Sends vgpipe's log and the libraries' warnings to a file and to the terminal.

    A file that cannot be written, or not completely, is a warning on the terminal: the clips matter more.

    Args:
        path: the log file; lines are appended.
        earlier: records that the terminal has shown already and the file lacks.
    """
    ours, terminal = logging.getLogger("vgpipe"), _Terminal(logging.INFO)
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.handlers = [terminal]
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not bury the run in tracebacks
    try:
        with _log_file(path, earlier):
            yield
    finally:
        ours.handlers = []
        ours.propagate = True
        logging.captureWarnings(False)


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
