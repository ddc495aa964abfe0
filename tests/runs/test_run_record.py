"""A run is resumed only as it was started: clips and config are compared with run.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vgpipe.errors import UsageError
from vgpipe.runs.run_record import add, checked, pick, write
from vgpipe.store.rundir import RunDir

CONFIG = {"model": {"dtype": "float32", "id": "/m"}, "run": {"until": None}, "store": {"dir": "/s"}, "loras": []}


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    with RunDir(tmp_path) as run:
        write(run, CONFIG, ["a", "b"])
        run.write_clips([{"clip": "a", "prompt": "a fox", "seed": 1}, {"clip": "b", "prompt": "a cat", "seed": 2}])
        return run


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def refusal(run_dir: RunDir, config: dict | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        checked(run_dir, CONFIG if config is None else config)
    return str(caught.value)


def test_a_run_as_it_was_started_is_taken(run_dir):
    found = checked(run_dir, json.loads(json.dumps(CONFIG)))
    assert found.is_checked and [record["clip"] for record in found.records] == ["a", "b"]


@pytest.mark.parametrize(
    ("old", "new"), [("a fox", "a dog"), ('"seed": 1', '"seed": 7'), ('"schema": 1', '"schema": 2')]
)
def test_a_changed_line_is_refused_by_number_and_clip(run_dir, old, new):
    edit(run_dir.clips, old, new)
    said = refusal(run_dir)
    assert "clips.jsonl:1: clip 'a'" in said and "checksum" in said and "run the job again" in said
    assert "clip 'b'" not in said or new.endswith("2")


def test_a_lost_line_is_refused_by_clip(run_dir):
    run_dir.clips.write_text(run_dir.clips.read_text().splitlines(keepends=True)[1])
    assert "clip 'a' has no line that can be read" in refusal(run_dir)


def test_a_torn_line_in_the_middle_is_refused_by_number(run_dir):
    first, second = run_dir.clips.read_text().splitlines(keepends=True)
    run_dir.clips.write_text(f"{first[:40]}\n{second}")
    assert "clip 'a' has no line that can be read (damaged: line 1)" in refusal(run_dir)


def test_a_torn_last_line_is_what_a_kill_leaves_and_stays_resumable(run_dir, caplog):
    whole = run_dir.clips.read_text()
    run_dir.append_clip({"clip": "b", "prompt": "a cat", "seed": 2, "state": "done"})
    for length in range(len(whole) + 1, len(run_dir.clips.read_text()), 7):
        run_dir.clips.write_text(run_dir.clips.read_text()[:length])
        assert [record["seed"] for record in checked(run_dir, CONFIG).records] == [1, 2]
        run_dir.clips.write_text(whole)
        run_dir.append_clip({"clip": "b", "prompt": "a cat", "seed": 2, "state": "done"})
    assert "clips.jsonl:3 is incomplete" in caplog.text


def test_a_damaged_line_that_a_later_one_replaces_does_not_count(run_dir, caplog):
    edit(run_dir.clips, "a fox", "a dog")
    run_dir.append_clip({"clip": "a", "prompt": "a fox", "seed": 1, "state": "done"})
    assert checked(run_dir, CONFIG).records[0]["prompt"] == "a fox"
    assert "clips.jsonl:1 (clip a)" in caplog.text


def test_the_clips_of_another_run_are_refused_by_name(run_dir, tmp_path):
    with RunDir(tmp_path / "other") as other:
        other.write_clips([{"clip": "z", "seed": 1}])
    run_dir.clips.write_bytes(other.clips.read_bytes())
    said = refusal(run_dir)
    assert "clip 'z' is not one that the run was started with" in said and "clip 'a' has no line" in said


def test_a_checksum_that_was_taken_away_is_missed(run_dir):
    records = [json.loads(line) for line in run_dir.clips.read_text().splitlines()]
    lines = [json.dumps({key: value for key, value in one.items() if key != "checksum"}) + "\n" for one in records]
    run_dir.clips.write_text("".join(lines))
    assert "clips.jsonl:2: clip 'b'" in refusal(run_dir)


def test_a_changed_key_of_the_config_is_refused_with_both_values(run_dir):
    said = refusal(run_dir, {**CONFIG, "model": {"dtype": "bfloat16", "id": "/m"}})
    assert 'model.dtype: was "float32", is "bfloat16"' in said and "start a new run with model.dtype=bfloat16" in said
    assert "model.id" not in said
    assert "loras: was [], is not there" in refusal(run_dir, {key: CONFIG[key] for key in CONFIG if key != "loras"})


def test_what_changes_no_bit_may_be_changed(run_dir):
    assert checked(run_dir, {**CONFIG, "run": {"until": "07:00"}, "store": {"dir": "/moved"}}).is_checked


@pytest.mark.parametrize("text", ["", "[]", "{", '{"clips": 3, "config": {}}', "[" * 100_000])
def test_a_damaged_run_json_is_refused_by_name(run_dir, text):
    run_dir.record.write_text(text)
    assert "run.json" in refusal(run_dir) and "run the job again" in refusal(run_dir)


def test_a_run_json_that_is_gone_is_missed_unless_an_older_version_made_the_run(run_dir):
    run_dir.record.unlink()
    assert "run.json is missing" in refusal(run_dir)
    run_dir.clips.write_text('{"clip": "a"}\n')
    assert not checked(run_dir, CONFIG).is_checked


def test_clips_that_were_added_are_taken_as_far_as_they_were_recorded_before_a_kill(run_dir):
    add(run_dir, ["c", "d"])
    assert [record["clip"] for record in checked(run_dir, CONFIG).records] == ["a", "b"]
    run_dir.append_clip({"clip": "c", "prompt": "a dog", "seed": 3})
    add(run_dir, ["d", "e"])
    assert [record["clip"] for record in checked(run_dir, CONFIG).records] == ["a", "b", "c"]
    run_dir.append_clip({"clip": "x", "prompt": "a dog", "seed": 3})
    assert "clip 'x' is not one that the run was started with" in refusal(run_dir)


def test_picks_stay_beside_what_is_added_and_are_sealed(run_dir):
    add(run_dir, ["c"])
    pick(run_dir, ["b"])
    pick(run_dir, ["a", "b"])
    assert checked(run_dir, CONFIG).picked == {"a", "b"}
    edit(run_dir.record, '"picked": ["b", "a"]', '"picked": ["b", "c"]')
    assert "run.json does not fit its checksum" in refusal(run_dir)
