"""Where the log lines of a run go: all of them to run.log, what a person needs to the terminal."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import TextIOWrapper
from pathlib import Path

from vgpipe.executor.library_logs import (
    AT_WORK,
    is_library_log,
    libraries_kept_quiet,
    libraries_logged_to,
    writes_to_terminal,
)
from vgpipe.store.durable import open_to_append
from vgpipe.terminal import indented, stderr_is_terminal, write_note

log = logging.getLogger(__name__)

FORMAT = f"%(asctime)s %(levelname)-7s %(name)s: %({AT_WORK})s%(message)s"
OURS = logging.getLogger("vgpipe")


@contextmanager
def logging_early(terminal: bool) -> Iterator[list[logging.LogRecord]]:
    """Gives the records that vgpipe and the libraries log meanwhile, for the `logging_to` that follows.

    Args:
        terminal: whether those of vgpipe are shown on the terminal as well.
    """
    buffer = _Buffer()
    with libraries_logged_to(buffer), _our_handlers(terminal, buffer):
        yield buffer.records


@contextmanager
def logging_to(path: Path, earlier: Sequence[logging.LogRecord] = (), *, terminal: bool) -> Iterator[None]:
    """Sends vgpipe's log and the libraries' warnings to a file.

    A file that cannot be written, or not completely, is a warning on the terminal: the clips matter more.

    Args:
        path: the log file; lines are appended.
        earlier: records that were made before there was a file.
        terminal: whether what a person needs is shown on the terminal as well.
    """
    raises, logging.raiseExceptions = logging.raiseExceptions, False  # an unwritable log must not bury the run
    try:
        with libraries_kept_quiet(), _our_handlers(terminal), _log_file(path, earlier):
            yield
    finally:
        logging.raiseExceptions = raises


@contextmanager
def _our_handlers(terminal: bool, *more: logging.Handler) -> Iterator[None]:
    """Has vgpipe log everything to `more`, and what a person needs to the terminal.

    Handlers and levels that Hydra or the program around has set up are respected: those handlers get the records too,
    and where they write to the terminal, vgpipe does not.
    """
    saved = OURS.handlers, OURS.level, OURS.propagate
    wanted, outside, were_disabled = OURS.getEffectiveLevel(), _Outside(), _enable_loggers()
    outside.addFilter(_LevelOfLogger(wanted))
    shows = terminal and not were_disabled and not any(map(writes_to_terminal, outside.others))
    ours = _Terminal()
    ours.addFilter(_LevelOfLogger(min(wanted, logging.INFO)))
    OURS.handlers = [*more, outside, *([ours] if shows else [])]
    OURS.setLevel(logging.DEBUG)
    OURS.propagate = False
    is_verbose = shows and wanted <= logging.DEBUG
    try:
        with libraries_logged_to(_Terminal(logging.WARNING)) if is_verbose else nullcontext():
            yield
    finally:
        OURS.handlers, OURS.propagate = saved[0], saved[2]
        OURS.setLevel(saved[1])


def _enable_loggers() -> bool:
    """Enables vgpipe's loggers, without which run.log would be empty; says whether any was disabled.

    A logging config disables them where it says `disable_existing_loggers`, as hydra/job_logging=disabled does.
    """
    loggers = [one for one in logging.Logger.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    disabled = [one for one in loggers if one.disabled and f"{one.name}.".startswith(f"{OURS.name}.")]
    for one in disabled:
        one.disabled = False
    return bool(disabled)


@contextmanager
def _log_file(path: Path, earlier: Sequence[logging.LogRecord]) -> Iterator[None]:
    try:
        file = _LogFile(path)
    except OSError as error:
        log.warning("there is no log file: %s", error)
        yield
        return
    file.setFormatter(_Lines())
    for record in earlier:
        file.handle(record)
    OURS.addHandler(file)
    try:
        with libraries_logged_to(file):
            yield
    finally:
        OURS.removeHandler(file)
        try:
            file.close()
        except OSError as error:  # it writes what is still buffered: the disk may be full
            file.tell(error)


class _LogFile(logging.FileHandler):
    """Warns once where a line cannot be written, rather than with a traceback for each."""

    _is_told = False

    def __init__(self, path: Path):
        super().__init__(path, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_to_append(Path(self.baseFilename)), encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (of logging)
        """Tells of the error that is being handled."""
        self.tell(sys.exc_info()[1])

    def tell(self, error: BaseException | None) -> None:
        """Warns that the file lacks lines."""
        if not self._is_told:
            self._is_told = True
            log.warning("%s is incomplete: %s", self.baseFilename, error)


class _Terminal(logging.Handler):
    """Writes above the progress bars rather than through them, and leaves out what a bar already shows."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "bar", False) and stderr_is_terminal():
            return
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        with _above_bars():
            write_note(indented(f"{mark}{record.getMessage()}".rstrip()))


class _Outside(logging.Handler):
    """Passes records on to the handlers that Hydra or the program around vgpipe has set up, at the level it has chosen.

    Attributes:
        others: those handlers.
    """

    def __init__(self) -> None:
        super().__init__()
        above = logging.getLogger().handlers if OURS.propagate else ()
        self.others = [one for one in (*OURS.handlers, *above) if not is_library_log(one)]

    def emit(self, record: logging.LogRecord) -> None:
        wanted = [one for one in self.others if record.levelno >= one.level]
        if wanted:
            record = copy.copy(record)
            record.msg, record.args = indented(record.getMessage()), None
            with _above_bars():
                for handler in wanted:
                    handler.handle(record)


class _LevelOfLogger(logging.Filter):
    """Passes records from the level that was set for their logger alone (`hydra.verbose=[vgpipe.stages]`).

    Args:
        otherwise: the level where none was.
    """

    def __init__(self, otherwise: int) -> None:
        super().__init__()
        self._otherwise = otherwise

    def filter(self, record: logging.LogRecord) -> bool:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger is not OURS and not logger.level:
            logger = logger.parent
        level = self._otherwise if logger in (None, OURS, logging.getLogger()) else logger.level
        return record.levelno >= level


class _Buffer(logging.Handler):
    """Keeps records until there is a log file."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class _Lines(logging.Formatter):
    """The lines of run.log; one of a library names the stage and the clip it belongs to."""

    def __init__(self) -> None:
        super().__init__(FORMAT, defaults={AT_WORK: ""})

    def format(self, record: logging.LogRecord) -> str:
        return indented(super().format(record).rstrip())  # a warning of Python ends with a line break


@contextmanager
def _above_bars() -> Iterator[None]:
    """Takes the bars away, where there are any, while something else is written."""
    if "tqdm" not in sys.modules:  # nothing has drawn a bar yet, and importing it takes time
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode(file=sys.stderr):
        yield
