"""The report as a table and as JSON."""

from __future__ import annotations

import json

import pytest

from vgpipe.doctor.lines import ReportLine, Section, Status
from vgpipe.doctor.table import as_json, as_table, worst

LINES = [
    ReportLine(Section.PACKAGES, "torch", Status.BROKEN, "not installed", 'pip install "torch>=2.6"'),
    ReportLine(
        Section.VERSIONS, "diffusers 0.35.1 + transformers 5.3.0", Status.WARNING, "word " * 30, "pip install x"
    ),
    ReportLine(Section.OPTIONAL, "bitsandbytes", Status.ABSENT, "for weights", "pip install --upgrade " + "y" * 30),
]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_keeps_its_width_and_a_remedy_stands_in_one_row(width):
    rows = as_table(LINES, width).splitlines()
    assert max(map(len, rows)) <= width
    assert any(row.endswith('-> pip install "torch>=2.6"') for row in rows)
    assert any(row.endswith("y" * 30) and "pip install --upgrade" in row for row in rows)
    assert rows[-1] == "1 broken, 1 warning: vgpipe will not work as it is"


def test_the_worst_line_is_the_status():
    assert worst(LINES) is Status.BROKEN and worst(LINES[1:]) is Status.WARNING and worst(LINES[2:]) is Status.OK
    assert json.loads(as_json(LINES[2:]))["status"] == "ok"
