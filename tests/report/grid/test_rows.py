"""Which clips are in one row."""

from __future__ import annotations

from tests.report.grid.runs import clips
from vgpipe.report.grid.rows import RowKey, row_keys


def test_a_row_is_a_prompt_and_a_seed(tmp_path):
    column = clips(tmp_path, ("p", 0), ("p", 1), ("p", 0))
    assert row_keys([column, column], seeds_differ=False)[1] == [
        RowKey("p", "0", 1),
        RowKey("p", "1", 1),
        RowKey("p", "0", 2),
    ]


def test_where_seeds_are_swept_or_drawn_a_row_is_a_prompt(tmp_path):
    columns = [clips(tmp_path, ("p", 5), ("q", 6)), clips(tmp_path, ("p", 7), ("q", 8))]
    expected = [[RowKey("p", None, 1), RowKey("q", None, 1)]] * 2
    assert row_keys(columns, seeds_differ=False) == row_keys(columns, seeds_differ=True) == expected
