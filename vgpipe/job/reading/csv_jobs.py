"""Jobs as a table: CSV with the names of the fields in its first row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from vgpipe.job.declared import set_by
from vgpipe.job.faults import Faults, format_value, nearest
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table
from vgpipe.job.reading.yaml_scalars import resolve
from vgpipe.job.settings import SetBy

_SETTINGS = set_by(SetBy.JOB)
TEXT_COLUMNS = ("id", "prompt", *(one.name for one in _SETTINGS if one.is_text))
LIST_COLUMNS = tuple(one.name for one in _SETTINGS if one.type == list[int])
COLUMNS = ("id", "prompt", *(one.name for one in _SETTINGS))


def read_csv(text: str, faults: Faults) -> Listing:
    """Builds the list of prompts of a CSV file.

    The separator is the one of comma, semicolon and tab that the first row holds most of. An empty cell
    leaves its field unset; a cell of `seeds` holds numbers with spaces or semicolons between them.

    Args:
        text: the file's text.
        faults: where the table's own faults are recorded.

    Returns:
        One mapping a row, each value with its line.

    Raises:
        JobError: the first row names no column `prompt`: the rows cannot be understood.
    """
    rows = _rows(text, faults)
    line, header = next(rows, (1, []))
    columns = [name.strip().lower() for name in header]
    _check_header(line, columns, faults)
    return Listing(1, [_row(number, cells, columns, faults) for number, cells in rows])


def _rows(text: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that hold anything, each with the line it starts at."""
    first = text.lstrip("\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        remedy = 'close every quote, and write a quote inside quotes twice: ""'
        faults.add(start, f"not valid CSV in the row that starts here: {error}", remedy)


def _check_header(line: int, columns: list[str], faults: Faults) -> None:
    for position, name in enumerate(columns, start=1):
        if name in columns[: position - 1]:
            faults.add(line, f"the column {format_value(name)} appears twice", "keep one of them")
        elif name not in COLUMNS:
            faults.add(line, f"unknown column {format_value(name)}; known: {', '.join(COLUMNS)}", _advice(name))
    if "prompt" not in columns:
        faults.add(line, "the first row names no column `prompt`", "begin with a row such as: prompt,seed")
        raise faults.error()


def _advice(name: str) -> str:
    if name in ("matrix", "shots"):
        return f"{name} need a .yaml job" if name == "shots" else "a matrix needs a .yaml job"
    meant = nearest(name, COLUMNS)
    return f"did you mean `{meant}`?" if meant else "remove it or rename it"


def _row(line: int, cells: list[str], columns: list[str], faults: Faults) -> Table:
    if len(cells) > len(columns):
        what = f"{len(cells)} cells, but the first row names {len(columns)} columns"
        faults.add(line, what, "put a text that holds the separator in quotes")
    pairs: list[tuple[Node, Node]] = []
    for name, cell in dict(zip(columns, cells, strict=False)).items():
        if name in COLUMNS and (cell.strip() or name == "prompt"):
            pairs.append((Scalar(line, name, name), _cell(line, name, cell.strip())))
    return Table(line, pairs)


def _cell(line: int, name: str, cell: str) -> Node:
    if name in TEXT_COLUMNS:
        return Scalar(line, cell, cell)
    if name in LIST_COLUMNS:
        parts = filter(None, re.split(r"[\s;,]+", cell))
        return Listing(line, [Scalar(line, resolve(part), part) for part in parts])
    return Scalar(line, resolve(cell), cell)
