"""picks.json, as the page of a run saves it and as anything else may have written it."""

from __future__ import annotations

import json

import pytest

from vgpipe.errors import ConfigError
from vgpipe.job import picks_file
from vgpipe.job.picks_file import Picked, names_file, picks_in, read_picks


def write(path, *clips, **more):
    path.write_text(json.dumps({"schema": 1, "clips": clips, **more}))
    return str(path)


def test_the_picked_clips_of_a_saved_file(tmp_path):
    clips = [
        {"id": "a", "pick": "p0123abcd", "picked": True, "note": "good"},
        {"id": "b", "pick": "p1123abcd", "picked": False, "starred": True},
        {"id": "c", "pick": "p0123abcd", "picked": True},
        {"id": "a", "pick": "p0123abcd", "picked": True},
    ]
    file = write(tmp_path / "picks.json", *clips, job="many", saved="2026-11-30")
    assert read_picks(file) == (Picked("a", "p0123abcd"), Picked("c", "p0123abcd"))
    assert picks_in(file) == ("p0123abcd",)


def test_a_clip_without_a_pick_is_found_by_continue_alone(tmp_path):
    file = write(tmp_path / "picks.json", {"id": "a", "pick": None, "picked": True})
    assert read_picks(file) == (Picked("a", ""),)
    with pytest.raises(ConfigError, match="no pick by which a job finds them: a"):
        picks_in(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[" * 100_000, "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[]", 'an object with "schema": 1'),
        (b'{"schema": 2, "clips": []}', 'an object with "schema": 1'),
        (b'{"schema": 1, "clips": []}', 'none of its clips has "picked": true'),
        (b'{"schema": 1, "clips": [7]}', r"clips\[0\] is no object"),
        (b'{"schema": 1, "clips": [{"picked": true}]}', r'clips\[0\] has neither an "id" nor a "pick"'),
        (b'{"schema": 1, "clips": [{"picked": true, "pick": "p\\u001b[31m"}]}', 'is no "pick": p and 8'),
        (b'{"schema": 1, "clips": [{"picked": true, "id": ["a"]}]}', r"clips\[0\] has neither"),
        (b" " * 200, "it is too large"),
    ],
)
def test_a_hostile_file_is_refused_in_words(tmp_path, monkeypatch, content, says):
    if content.isspace():
        monkeypatch.setattr(picks_file, "MAX_BYTES", 100)
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        read_picks(str(tmp_path / "x.json"))
    assert "\x1b" not in str(caught.value) and "save it again on the run's report.html" in str(caught.value)


def test_a_missing_file_a_folder_and_too_many_clips_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="there is no such file"):
        read_picks(str(tmp_path / "no.json"))
    with pytest.raises(ConfigError, match="it is a folder"):
        read_picks(str(tmp_path))
    monkeypatch.setattr(picks_file, "MAX_CLIPS", 1)
    with pytest.raises(ConfigError, match="it has 2 clips; at most 1"):
        read_picks(write(tmp_path / "picks.json", {}, {}))


def test_what_names_a_file():
    assert [names_file(text) for text in ("picks.json", "a/B.JSON", "p0123abcd", "[a.json]", "all")] == [
        *(True, True),
        *(False, False, False),
    ]
