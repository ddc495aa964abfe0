from __future__ import annotations

import json
import os
import sys

import pytest

from vgpipe.outside_file import OutsideFileError
from vgpipe.store import clip_lines
from vgpipe.store.clip_lines import read_clip_lines
from vgpipe.store.rundir import RunDir
from vgpipe.store.seal import sealed


def line(clip: str, **more: object) -> bytes:
    return sealed(json.dumps({"clip": clip, **more}).encode()) + b"\n"


def read(tmp_path, *lines: bytes, **more):
    (tmp_path / "clips.jsonl").write_bytes(b"".join(lines))
    return read_clip_lines(tmp_path / "clips.jsonl", **more)


def test_the_last_whole_line_of_a_clip_counts(tmp_path):
    changed = line("a", seed=1).replace(b"1", b"2", 1)
    lines = read(tmp_path, line("a", seed=1), line("b"), changed, b'{"clip": "b", "sta')
    assert {clip: one.record for clip, one in lines.newest.items()} == {
        "a": {"clip": "a", "seed": 1},
        "b": {"clip": "b"},
    }
    assert [(one.number, one.clip) for one in lines.damaged] == [(3, "a"), (4, "")]


def test_somebody_who_only_looks_sees_the_damaged_line_with_a_note(tmp_path):
    read(tmp_path, line("a", seed=1), line("a", seed=1).replace(b"1", b"2", 1), line("b"), b"[[[")
    shown = RunDir(tmp_path).read_clips()
    assert [(one["clip"], one.get("seed")) for one in shown] == [("a", 2), ("b", None)]
    assert "line 2 of clips.jsonl does not fit its checksum" in shown[0]["notes"][0] and "notes" not in shown[1]


def test_where_one_line_has_a_checksum_all_must(tmp_path):
    bare = b'{"clip": "a"}\n'
    assert read(tmp_path, bare).newest and not read(tmp_path, bare).is_sealed
    assert not read(tmp_path, bare, must_be_sealed=True).newest
    assert list(read(tmp_path, bare, line("b")).newest) == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        b'{"clip": ["a"]}',
        b"[1]",
        b'"a"',
        b"NaN",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"clip": "a", "x": ' + b"9" * 5000 + b"}",
    ],
    ids=["list", "array", "text", "nan", "bytes", "deep", "digits"],
)
def test_a_line_that_is_no_record_is_named_and_costs_nothing_but_itself(tmp_path, text):
    lines = read(tmp_path, line("a"), text + b"\n", line("b"))
    assert list(lines.newest) == ["a", "b"] and [one.number for one in lines.damaged] == [2]


def test_a_line_without_end_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_lines, "MAX_LINE_BYTES", 200)
    lines = read(tmp_path, line("a"), b'{"clip": "' + b"x" * 5000 + b'"}\n', line("b"))
    assert list(lines.newest) == ["a", "b"] and len(lines.damaged[0].start) < 100


def test_a_file_of_endless_lines_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_lines, "MAX_LINES", 3)
    with pytest.raises(OutsideFileError, match="at most 3 lines"):
        read(tmp_path, *[b"{}\n"] * 5)


@pytest.mark.skipif(sys.platform == "win32", reason="mkfifo")
def test_a_pipe_in_place_of_the_file_is_no_wait(tmp_path):
    os.mkfifo(tmp_path / "clips.jsonl")
    with pytest.raises(OutsideFileError, match="regular"):
        read_clip_lines(tmp_path / "clips.jsonl")
