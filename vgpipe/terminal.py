"""What people read: text in whatever encoding the stream has, and tables, laid out by rich once there is one."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.box import Box

UNLIMITED = 100_000
"""Columns that no table needs: rich then neither wraps nor crops a cell, so that a path in it can be copied."""
GAP, MIN_LAST_WIDTH = 2, 30


def write(text: str) -> None:
    """Writes text to stdout; characters that its encoding lacks are escaped."""
    sys.stdout.write(_encodable(text, sys.stdout))


def write_line(text: str) -> None:
    """Writes one line to stdout, at once."""
    write(f"{text}\n")
    sys.stdout.flush()


def write_error(message: object) -> None:
    """Writes a message of vgpipe to stderr, as a line of its own."""
    sys.stderr.write(_encodable(f"vgpipe: {message}\n", sys.stderr))


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
