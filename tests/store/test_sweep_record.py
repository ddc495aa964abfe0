"""Which combinations of a sweep have no run."""

from __future__ import annotations

import pytest

from vgpipe.store.sweep_record import NAME, read_missing, write_missing


def test_what_is_written_is_read_and_nothing_is_written_of_a_whole_sweep(tmp_path):
    write_missing(tmp_path, [])
    assert list(tmp_path.iterdir()) == [] and read_missing(tmp_path) == []
    write_missing(tmp_path, [("model=wan", "not started: no such \u201cmodel\u201d")])
    assert read_missing(tmp_path) == [("model=wan", "not started: no such \u201cmodel\u201d")]
    write_missing(tmp_path, [])
    assert read_missing(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"without_run": 3}', '{"without_run": [1]}', "[" * 9000, "\xff"])
def test_a_file_may_hold_anything(tmp_path, text):
    (tmp_path / NAME).write_text(text, "latin-1")
    assert read_missing(tmp_path) == []
