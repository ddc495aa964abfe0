"""Notes: the last fact under a key counts, and no damage to the file does harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.store.notes import Notes


def test_the_last_fact_under_a_key_is_found_by_the_next_process(tmp_path: Path):
    path = tmp_path / "deep" / "notes.jsonl"
    notes = Notes(path)
    assert notes.find({"a": 1}) is None
    notes.remember({"a": 1}, "first")
    notes.remember({"a": 1}, ["second"])
    notes.remember({"b": 1}, None)
    assert Notes(path).find({"a": 1}) == ["second"] == notes.find({"a": 1})


def test_a_fact_that_is_known_is_not_written_again(tmp_path: Path):
    path = tmp_path / "notes.jsonl"
    for _ in range(3):
        Notes(path).remember({"a": 1}, {"x": [1, 2]})
    assert path.read_text().count("fact") == 1


@given(st.binary(max_size=200))
def test_damage_costs_at_most_the_damaged_lines(tmp_path_factory, damage: bytes):
    path = tmp_path_factory.mktemp("notes") / "notes.jsonl"
    Notes(path).remember({"a": 1}, "kept")
    with path.open("ab") as file:
        file.write(damage)
    notes = Notes(path)
    assert notes.find({"a": 1}) == "kept"
    notes.remember({"b": 2}, "new")
    assert Notes(path).find({"b": 2}) == "new"


def test_where_nothing_can_be_written_facts_live_for_this_process(tmp_path: Path):
    (tmp_path / "file").write_text("")
    notes = Notes(tmp_path / "file" / "notes.jsonl")
    notes.remember({"a": 1}, 3)
    assert notes.find({"a": 1}) == 3


def test_a_line_that_is_nested_too_deep_is_passed_over(tmp_path: Path):
    path = tmp_path / "notes.jsonl"
    path.write_text("[" * 200_000 + "\n")
    assert Notes(path).find({"a": 1}) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="mkfifo")
def test_a_pipe_in_place_of_the_file_is_no_wait(tmp_path):
    os.mkfifo(tmp_path / "notes")
    notes = Notes(tmp_path / "notes")
    assert notes.find({"a": 1}) is None
    notes.remember({"a": 1}, 2)
    assert notes.find({"a": 1}) == 2


def test_of_a_file_without_end_the_end_is_read(tmp_path, monkeypatch):
    path = tmp_path / "notes"
    path.write_bytes(b"x" * 5000)
    monkeypatch.setattr("vgpipe.store.notes.MAX_BYTES", 1000)
    Notes(path).remember({"a": 1}, 2)
    assert Notes(path).find({"a": 1}) == 2
