"""Where a run's log lines go: everything to run.log, what a person needs to the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _Terminal(logging.Handler):
    """Writes above the bars rather than through them; leaves out what a bar already shows."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "bar", False) and sys.stderr.isatty():
            return
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        tqdm.write(f"{mark}{record.getMessage()}", file=sys.stderr)


class _Kept(logging.Handler):
    """Keeps records for a log that there is no place for yet."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def logging_early() -> Iterator[list[logging.LogRecord]]:
    """Sends vgpipe's log to the terminal, and keeps it for the `logging_to` that follows."""
    kept, ours = _Kept(), logging.getLogger("vgpipe")
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.handlers = [kept, _Terminal(logging.INFO)]
    try:
        yield kept.records
    finally:
        ours.handlers = []
        ours.propagate = True


@contextmanager
def logging_to(path: Path, earlier: Sequence[logging.LogRecord] = ()) -> Iterator[None]:
    """Sends vgpipe's log, and the libraries' warnings, to `path` (appended) and to the terminal.

    Args:
        path: the log file.
        earlier: what the terminal has shown already and the file lacks.
    """
    file = logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter(FORMAT))
    file.setLevel(logging.DEBUG)
    terminal = _Terminal(logging.INFO)
    ours, root = logging.getLogger("vgpipe"), logging.getLogger()
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.handlers = [file, terminal]
    root.addHandler(file)
    for record in earlier:
        file.handle(record)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written must not bury the run in tracebacks
    try:
        yield
    finally:
        ours.handlers = []
        ours.propagate = True
        root.removeHandler(file)
        logging.captureWarnings(False)
        file.close()
