"""Jobs as a table: CSV or TSV with the names of the fields in its first row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from vgpipe.job.declared import set_by
from vgpipe.job.faults import Faults, format_value
from vgpipe.job.reading.column_names import normalised
from vgpipe.job.reading.columns import Columns
from vgpipe.job.reading.nodes import Listing, Node, Scalar, Table
from vgpipe.job.reading.numbers import DECIMAL_COMMA, listed, with_point
from vgpipe.job.reading.yaml_scalars import resolve
from vgpipe.job.settings import SetBy

_SETTINGS = set_by(SetBy.JOB)
TEXT_COLUMNS = ("id", "prompt", *(one.name for one in _SETTINGS if one.is_text))
LIST_COLUMNS = tuple(one.name for one in _SETTINGS if one.is_list)
NESTED_COLUMNS = {"shots": "shots need a .yaml job", "matrix": "a matrix needs a .yaml job"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t ]*', re.IGNORECASE)
_SEPARATORS = ",;\t|"


def read_csv(text: str, columns: Columns, faults: Faults, separator: str = "") -> Listing:
    """Builds the list of prompts of a CSV file.

    The separator is the one that a first line `sep=;` names, or else that of comma, semicolon, tab and bar which the
    first row holds most of. An empty cell leaves its field unset; a cell of `seeds` holds numbers with spaces or
    semicolons between them. A decimal comma is read as a point.

    Args:
        text: the file's text.
        columns: reads the names of the columns.
        faults: where the table's own faults are recorded.
        separator: the one that the format has, where the first row holds it; "" for any.

    Returns:
        One mapping a row, each value with its line.

    Raises:
        JobError: the first row names no column `prompt`: the rows cannot be understood.
    """
    (line, header), *rows = list(_rows(text, separator, faults)) or [(1, [])]
    fields = _fields(line, header, [cells for _, cells in rows], columns, faults)
    return Listing(1, [_row(number, cells, fields, faults) for number, cells in rows])


def _rows(text: str, separator: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that hold anything, each with the line it starts at."""
    lines_before = len(text) - len(text.lstrip("\n"))
    first, _, rest = text.lstrip("\n").partition("\n")
    named = _SEPARATOR_LINE.fullmatch(first)
    if named:
        lines_before, text, separator = lines_before + 1, rest, named[1]
    else:
        text = text.lstrip("\n")
        separator = separator if separator in first and separator else max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    start = lines_before + 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield start, cells
            start = lines_before + reader.line_num + 1
    except csv.Error as error:
        remedy = 'close every quote, and write a quote inside quotes twice: ""'
        faults.add(start, f"not valid CSV in the row that starts here: {error}", remedy)


def _fields(
    line: int, header: Sequence[str], rows: Sequence[Sequence[str]], columns: Columns, faults: Faults
) -> list[str | None]:
    """Returns the field of each column; None where it is not read, or where all of its cells are empty."""
    names = [name.strip() for name in header]
    used = [any(place < len(cells) and cells[place].strip() for cells in rows) for place in range(len(names))]
    counted = [place for place, name in enumerate(names) if used[place] or normalised(name) == "prompt"]
    read = dict(zip(counted, columns.fields([names[place] for place in counted], line), strict=True))
    fields = [read.get(place) for place in range(len(names))]
    for place, field in enumerate(fields):
        if field in NESTED_COLUMNS:
            faults.add(line, f"the column {format_value(names[place])} cannot be read", NESTED_COLUMNS[field])
        elif field is not None and field in fields[:place]:
            faults.add(line, f"the column {format_value(names[place])} appears twice", "keep one of them")
            fields[place] = None
    if "prompt" not in fields:
        found = ", ".join(format_value(name) for name in names[:10])
        remedy = "begin with a row such as: prompt,seed; or name the column with 'job.columns={their_name: prompt}'"
        faults.add(line, f"the first row names no column `prompt`; it holds {found}", remedy)
        raise faults.error()
    return fields


def _row(line: int, cells: list[str], fields: list[str | None], faults: Faults) -> Table:
    if any(map(str.strip, cells[len(fields) :])):
        what = f"{len(cells)} cells, but the first row names {len(fields)} columns"
        faults.add(line, what, "put a text, or a number with a decimal comma, that holds the separator in quotes")
    pairs: list[tuple[Node, Node]] = []
    for name, cell in zip(fields, cells, strict=False):
        if name is not None and name not in NESTED_COLUMNS and (cell.strip() or name == "prompt"):
            pairs.append((Scalar(line, name, name), _cell(line, name, cell.strip(), faults)))
    return Table(line, pairs)


def _cell(line: int, name: str, cell: str, faults: Faults) -> Node:
    if name in TEXT_COLUMNS:
        return Scalar(line, cell, cell)
    if name in LIST_COLUMNS:
        return listed(line, cell)
    if DECIMAL_COMMA.fullmatch(cell):
        faults.note(line, f"{name} is {cell}, read as {with_point(cell)}")
        return Scalar(line, resolve(with_point(cell)), cell)
    return Scalar(line, resolve(cell), cell)
