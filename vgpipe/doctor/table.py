"""The report as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence

from vgpipe import __version__
from vgpipe.doctor.lines import ReportLine, Section, Status

SCHEMA = 1
TITLES = {
    Section.PACKAGES: "Python and libraries",
    Section.VERSIONS: "Versions together",
    Section.DEVICE: "Device and memory",
    Section.ENCODERS: "Video encoders (tried)",
    Section.PLACES: "Disk, write access, hub cache",
    Section.MODELS: "Models (model=NAME)",
    Section.OPTIONAL: "Optional packages",
}
MARKS = {Status.OK: "ok", Status.WARNING: "warning", Status.BROKEN: "BROKEN", Status.ABSENT: "-"}
MARK_WIDTH, LEAST_WIDTH, MOST_WIDTH = 9, 60, 120
NAME_WIDTH = 20


def as_table(lines: Sequence[ReportLine], width: int) -> str:
    """Returns the table.

    Args:
        lines: of `examine`.
        width: columns of the terminal; between 60 and 120 are used.
    """
    width = min(MOST_WIDTH, max(LEAST_WIDTH, width))
    blocks = []
    for section in Section:
        inside = [line for line in lines if line.section == section]
        if inside:
            blocks.append("\n".join([TITLES[section], *(_row(line, width) for line in inside)]))
    return "\n\n".join([*blocks, _summary(lines)]) + "\n"


def _row(line: ReportLine, width: int) -> str:
    indent = " " * (2 + MARK_WIDTH + NAME_WIDTH)
    head = f"  {MARKS[line.status]:<{MARK_WIDTH}}{line.name:<{NAME_WIDTH - 1}} "
    rows = [head.rstrip()] if len(line.name) >= NAME_WIDTH else []
    first = indent if rows else head
    in_one = f"{first}{line.found} -> {line.remedy}"
    if line.remedy and len(in_one) <= width:
        return "\n".join([*rows, in_one])
    rows += _wrapped(line.found, first, indent, width)
    if line.remedy:
        rows += _remedy(line.remedy, indent, width)
    return "\n".join(rows)


def _remedy(text: str, indent: str, width: int) -> list[str]:
    # What is to be typed should fit in one row, further to the left if need be.
    left = indent if len(indent) + 3 + len(text) <= width else " " * (2 + MARK_WIDTH)
    return _wrapped(text, f"{left}-> ", f"{left}   ", width)


def _wrapped(text: str, first: str, indent: str, width: int) -> list[str]:
    # A command or link that is broken apart cannot be copied.
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _summary(lines: Sequence[ReportLine]) -> str:
    counts = Counter(line.status for line in lines)
    broken, warnings = counts[Status.BROKEN], counts[Status.WARNING]
    if broken:
        return f"{broken} broken, {_warnings(warnings)}: vgpipe will not work as it is"
    return f"nothing is broken, {_warnings(warnings)}"


def _warnings(number: int) -> str:
    return "1 warning" if number == 1 else f"{number or 'no'} warnings"


def worst(lines: Sequence[ReportLine]) -> Status:
    """Returns the worst status of all lines; what is absent counts as ok."""
    found = {line.status for line in lines}
    return next((status for status in (Status.BROKEN, Status.WARNING) if status in found), Status.OK)


def as_json(lines: Sequence[ReportLine]) -> str:
    """Returns the report as one JSON object; docs/doctor.md lists its keys."""
    counts = Counter(line.status for line in lines)
    report = {
        "schema": SCHEMA,
        "vgpipe": __version__,
        "status": worst(lines),
        "counts": {status: counts[status] for status in Status},
        "lines": [
            {
                "section": line.section,
                "name": line.name,
                "status": line.status,
                "found": line.found,
                "remedy": line.remedy,
            }
            for line in lines
        ],
    }
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"
