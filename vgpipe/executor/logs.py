"""Where a run's log lines go: everything to run.log, what a person needs to the terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
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


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Sends vgpipe's log, and the libraries' warnings, to `path` (appended) and to the terminal."""
    file = logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter(FORMAT))
    file.setLevel(logging.DEBUG)
    terminal = _Terminal(logging.INFO)
    ours, root = logging.getLogger("vgpipe"), logging.getLogger()
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.handlers = [file, terminal]
    root.addHandler(file)
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
