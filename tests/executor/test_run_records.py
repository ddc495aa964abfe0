"""Records and events of a run, also where they cannot be written."""

from __future__ import annotations

import json

import pytest

from tests.clips.test_clip_record import PLAIN, record
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState
from vgpipe.errors import StoreError
from vgpipe.executor.run_records import RunRecords
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.digest import Key
from vgpipe.store.rundir import RunDir

KEY = Key("encode", {})
KEYS = ClipKeys(KEY, None, KEY, KEY, (KEY,))


@pytest.fixture
def run_dir(tmp_path):
    with RunDir(tmp_path / "run") as opened:
        yield opened


def events(run_dir: RunDir) -> list[dict]:
    return [json.loads(line) for line in (run_dir.root / "events.jsonl").read_text().splitlines()]


def test_each_attempt_writes_all_clips_and_the_last_line_of_a_clip_counts(run_dir):
    records, state = RunRecords(run_dir, pytest.fail), ClipState(PLAIN, [KEYS])
    records.begin([state])
    assert [one["state"] for one in run_dir.read_clips()] == ["pending"]
    state.fail("decode: no memory")
    records.settle(state)
    assert [(one["state"], one["error"]) for one in run_dir.read_clips()] == [("failed", "decode: no memory")]
    records.begin([state])
    state.finish()
    records.end([state], "")
    assert [one["state"] for one in run_dir.read_clips()] == ["done"]
    kinds = [one["event"] for one in events(run_dir)]
    assert kinds == ["run_started", "clip_failed", "attempt_started", "run_ended"]
    assert events(run_dir)[-1]["reason"] == "finished" and events(run_dir)[-1]["done"] == 1


def test_a_canary_has_events_but_no_record(run_dir):
    records, canary = RunRecords(run_dir, pytest.fail), CanaryState(PLAIN, [KEYS], represents_steps=20)
    records.begin([])
    canary.finish()
    records.settle(canary)
    assert run_dir.read_clips() == [] and events(run_dir)[-1]["event"] == "canary_done"


def test_a_record_that_cannot_be_written_stops_the_run(run_dir, monkeypatch):
    reasons: list[str] = []
    records, state = RunRecords(run_dir, reasons.append), ClipState(PLAIN, [KEYS])
    records.begin([state])

    def full(*_args, **_facts):
        raise StoreError("no space left")

    monkeypatch.setattr(RunDir, "append_clip", full)
    monkeypatch.setattr(RunDir, "append_event", full)
    monkeypatch.setattr(RunDir, "write_clips", full)
    state.finish()
    records.settle(state)
    records.end([state], "stopped")
    assert reasons == ["no space left"] and record(PLAIN)["state"] == "pending"


def test_records_of_clips_that_were_all_done_are_written_once(run_dir):
    records, state = RunRecords(run_dir, pytest.fail), ClipState(PLAIN, [KEYS])
    state.finish()
    records.begin([state])
    before = run_dir.clips.stat().st_ino
    records.end([state], "")
    assert run_dir.clips.stat().st_ino == before and events(run_dir)[-1]["event"] == "run_ended"


def test_one_that_listens_hears_every_event_and_one_that_breaks_is_left_alone(run_dir, caplog):
    heard, broken = [], []

    def breaks(kind, _facts):
        broken.append(kind)
        raise ValueError("no")

    records = RunRecords(run_dir, pytest.fail)
    records.listen(breaks)
    records.listen(lambda kind, facts: heard.append((kind, dict(facts))))
    records.event("wave_started", clips=["a"])
    records.event("wave_started", clips=["b"])
    assert heard == [("wave_started", {"clips": ["a"]}), ("wave_started", {"clips": ["b"]})]
    assert broken == ["wave_started"] and "ValueError: no" in caplog.text


def test_the_overrides_of_the_command_line_are_recorded_as_far_as_they_go(run_dir):
    RunRecords(run_dir, pytest.fail, overrides=["quality=quick", *(["clip.prompt=" + "long" * 100] * 200)]).begin([])
    RunRecords(run_dir, pytest.fail).begin([])
    first, second = [event for event in events(run_dir) if event["event"] == "run_started"]
    assert first["overrides"][0] == "quality=quick" and len(first["overrides"]) == 100
    assert max(map(len, first["overrides"])) == 300 and "overrides" not in second
