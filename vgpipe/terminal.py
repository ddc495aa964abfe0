"""What people read: text in whatever encoding the stream has, and tables, laid out by rich once there is one."""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.box import Box

log = logging.getLogger(__name__)

UNLIMITED = 100_000
"""Columns that no table needs: rich then neither wraps nor crops a cell, so that a path in it can be copied."""
GAP, MIN_LAST_WIDTH = 2, 30
ARROW, COMMAND = " -> ", "python -m vgpipe"
# What moves the cursor, colours, ends a line or turns the order of what is shown around; and half characters.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


FURTHER = re.compile("\n(?!  )")
YES = ("y", "yes")
STREAMS = ("stdin", "stdout", "stderr")
"""The standard streams of a process, in the order of their descriptors."""


class OutputError(Exception):
    """Stdout cannot be written: the disk behind it is full, or its reader has gone.

    Attributes:
        is_worth_telling: whether somebody misses the output; a reader that has gone does not.
    """

    def __init__(self, error: OSError):
        self.is_worth_telling = not isinstance(error, BrokenPipeError)
        super().__init__(f"the output cannot be written to stdout: {error}")


def escaped(text: str) -> str:
    r"""Returns text that shows as it reads: control characters and the like as `\u001b`, which JSON has as well.

    Line breaks and tabs stay. All that vgpipe writes to a terminal or a log goes through this, whoever wrote it.
    """
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def on_one_line(text: str) -> str:
    """Returns `escaped` text whose line breaks and tabs are escaped as well: for what a stranger's file says."""
    return escaped(text).replace("\n", "\\n").replace("\t", "\\t")


def indented(text: str) -> str:
    """Returns `escaped` text whose further lines are indented, so that none looks like one of vgpipe's own."""
    return FURTHER.sub("\n    ", escaped(text))


def write(text: str) -> None:
    """Writes text to stdout; control characters, and those that its encoding lacks, are escaped.

    Raises:
        OutputError: where it cannot be written.
    """
    with _output_errors():
        sys.stdout.write(_encodable(escaped(text), sys.stdout))


def write_line(text: str) -> None:
    """Writes one line to stdout, at once.

    Raises:
        OutputError: where it cannot be written.
    """
    write(f"{text}\n")
    flush()


def flush() -> None:
    """Writes what stdout still buffers.

    Raises:
        OutputError: where it cannot be written.
    """
    with _output_errors():
        sys.stdout.flush()


@contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up("stdout")
        raise OutputError(error) from error


def write_error(message: object) -> None:
    """Writes a message of vgpipe to stderr, as a line of its own."""
    write_note(indented(f"vgpipe: {message}"))


def write_note(text: str) -> None:
    """Writes text to stderr, as lines that a terminal there need not break.

    Where stderr cannot be written any more (its reader has gone, the disk behind it is full), nothing is raised: the
    log says so once, and what follows is discarded.
    """
    text = escaped(text)
    if sys.stderr is None:  # a program around vgpipe that has no terminal
        return
    try:
        if sys.stderr.isatty():
            text = folded(text, shutil.get_terminal_size().columns)
        sys.stderr.write(_encodable(f"{text}\n", sys.stderr))
        sys.stderr.flush()
    except (OSError, ValueError) as error:  # the latter: it is closed
        _give_up("stderr")
        log.warning("stderr cannot be written any more (%s): what follows is in the log file alone", error)
    except RuntimeError:  # a signal handler that interrupted another write
        return


def stderr_is_terminal() -> bool:
    """Says whether a person may read stderr at once."""
    with suppress(OSError, ValueError):
        return sys.stderr is not None and sys.stderr.isatty()
    return False


def open_missing_streams() -> list[str]:
    """Opens the null device for the standard streams that the process was started without (`>&-`).

    Otherwise the next files that are opened get their descriptors, and what a library or a child process writes to its
    stderr ends up in one of them.

    Returns:
        The names of these streams.
    """
    missing = [number for number in range(len(STREAMS)) if not _is_open(number)]
    for number in missing:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        os.set_inheritable(number, True)
    for number, name in enumerate(STREAMS):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 (of the process)
    return [STREAMS[number] for number in missing]


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _give_up(name: str) -> None:
    """Discards what is written to a standard stream from now on, whoever writes it.

    What it still buffers would otherwise fail again when Python ends, which makes the exit code 120.
    """
    stream = getattr(sys, name)
    with suppress(OSError, ValueError):  # one of a program around vgpipe may have no descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)
        stream.flush()
        return
    setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (of the process)


def can_ask() -> bool:
    """Says whether a person is there to answer a question."""
    with suppress(OSError, ValueError):
        return sys.stdin is not None and sys.stdin.isatty() and stderr_is_terminal()
    return False


def is_confirmed(question: str) -> bool:
    """Asks a question on stderr and says whether the answer is yes; anything else, and none, is a no."""
    sys.stderr.write(_encodable(f"{escaped(question)} [y/N] ", sys.stderr))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in YES


def folded(text: str, width: int) -> str:
    """Returns text with long lines broken between words, and with a remedy (`-> ...`) on a line of its own.

    Args:
        text: one or more lines.
        width: columns of the terminal; a command to type is wider than that rather than broken.
    """
    return "\n".join(part for line in text.split("\n") for part in _folded_line(line, width))


def _folded_line(line: str, width: int) -> list[str]:
    if len(line) < width:
        return [line]
    cause, arrow, remedy = line.partition(ARROW if ARROW in line else COMMAND)
    indent = " " * (len(line) - len(line.lstrip()) + GAP)
    lines = _words(cause, width, indent)
    if not arrow:
        return lines
    after = f"{indent}{arrow.lstrip()}{remedy}"
    return [*lines, *([after] if COMMAND in after else _words(after, width, f"{indent}   "))]


def _words(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width - 1, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def terminal_width() -> int | None:
    """Returns the columns of the terminal on stdout; None where the output goes to a file or another program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), width: int | None = None) -> list[str]:
    """Returns rows as lines of aligned columns.

    Args:
        rows: of equal length; the first is the head.
        right: columns that are aligned to the right: numbers.
        width: columns of the terminal, to which the last column is wrapped, words kept whole. None does not wrap,
            nor does a terminal that leaves that column too little room.
    """
    if width is not None:
        room = width - sum(_widest(rows, at) + GAP for at in range(len(rows[0]) - 1))
        rows = [(*row[:-1], _wrapped(row[-1], room)) for row in rows] if room >= MIN_LAST_WIDTH else rows
    return _laid_out(rows, right)


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns rows as a table in Markdown, aligned; the first row is the head."""
    from rich.box import MARKDOWN

    return [line for line in _laid_out(rows, box=MARKDOWN) if line]


def _widest(rows: Sequence[Sequence[str]], column: int) -> int:
    from rich.cells import cell_len

    return max(cell_len(row[column]) for row in rows)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _laid_out(rows: Sequence[Sequence[str]], right: Collection[int] = (), box: Box | None = None) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    head, *others = rows
    grid = Table(box=box, pad_edge=box is not None, padding=(0, 1) if box else (0, GAP, 0, 0))
    for column, title in enumerate(head):
        grid.add_column(Text(title), justify="right" if column in right else "left", no_wrap=True)
    for row in others:
        grid.add_row(*map(Text, row))  # as Text, since a plain string could hold rich's markup
    page = io.StringIO()
    Console(file=page, width=UNLIMITED, color_system=None, legacy_windows=False).print(grid)
    return [line.rstrip() for line in page.getvalue().rstrip("\n").split("\n")]
