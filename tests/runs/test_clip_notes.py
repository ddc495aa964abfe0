"""The notes of clips reach everything that a user reads."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

from tests.clips.test_clip_record import PLAIN
from tests.clips.test_clip_state import new
from tests.conftest import SMALL
from vgpipe.report.cards import card
from vgpipe.report.media import Media
from vgpipe.runs.clip_notes import log_notes

OFF = "the negative prompt has no effect: guidance_scale 1 turns guidance off"
TYPED = ("clip.prompt=a red circle", "clip.guidance_scale=1", "clip.negative_prompt=blurry")


def test_a_note_is_in_the_log_the_record_the_report_the_summary_and_the_plan(vgpipe, tmp_path):
    ran = vgpipe(*TYPED, *SMALL, "executor.canary=false")
    (record,) = ran.records()
    assert ran.code == 0 and record["notes"] == [OFF] and record["degradations"] == []
    assert f"{record['clip']}: {OFF}" in ran.err and "1 with notes" in ran.out
    assert f"{record['clip']}: {OFF}" in (ran.root / "run.log").read_text()
    assert card(record, Media(ran.root, ran.root))["notes"] == [OFF]
    assert json.loads((ran.root / "plan.json").read_text())["clip_notes"] == [{"clip": record["clip"], "notes": [OFF]}]
    again = vgpipe(*TYPED, *SMALL, "executor.canary=false")
    assert again.records()[0]["reused"] and again.records()[0]["notes"] == [OFF]


def test_a_long_list_is_for_the_log_file_alone(caplog):
    states = [new(replace(PLAIN, id=f"clip-{number}")) for number in range(8)]
    for number, state in enumerate(states):
        state.note_texts([f"cut at {number}"])
    with caplog.at_level(logging.DEBUG, "vgpipe"):
        log_notes(states)
    shown = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert shown[-1] == "and 3 more notes on clips: run.log and the report have all" and len(shown) == 6
    assert "clip-7: cut at 7" in [one.getMessage() for one in caplog.records if one.levelno == logging.DEBUG]


WORDS = "a small red circle moving left on a black background "
READ = "the model reads 64 of 204 tokens; cut from word 64 on: "
"""Of twenty times these words and three more, by the embedded model."""


def test_texts_that_are_too_long_are_noted_before_anything_is_made(vgpipe, workdir):
    long = WORDS * 20
    job = {
        "defaults": {"negative_prompt": f"{long}that is long", "guidance_scale": 3},
        "prompts": [f"{long}and one square", f"{long}and two squares", "a fox"],
    }
    (workdir / "night.yaml").write_text(json.dumps(job))
    planned = json.loads(vgpipe("plan", "job=night.yaml", "--json", *SMALL).out)["plans"][0]["clip_notes"]
    ran = vgpipe("job=night.yaml", *SMALL, "executor.canary=false")
    first, second, third = ran.records()
    assert [note.partition('"')[0] for note in first["notes"]] == [f"prompt: {READ}", f"negative prompt: {READ}"]
    same = f"prompt: the model gets the same text as for {first['clip']}; the two differ only in what is cut"
    assert second["notes"][1] == same and [one[:15] for one in third["notes"]] == ["negative prompt"]
    assert {one["clip"]: one["notes"] for one in planned} == {one["clip"]: one["notes"] for one in ran.records()}
    logged = (ran.root / "run.log").read_text()
    assert f"{second['clip']}: prompt: {READ}" in logged and "3 with notes" in ran.out
    assert logged.index(same) < logged.index("encode text")
    again = vgpipe("job=night.yaml", *SMALL)
    assert [one["notes"] for one in again.records()] == [one["notes"] for one in ran.records()]


def test_what_cannot_be_counted_before_is_noted_when_it_is_encoded(vgpipe, monkeypatch):
    monkeypatch.setattr("vgpipe.runs.clip_states.read_texts", lambda *_: {})
    typed = (f"clip.prompt={WORDS * 20}and one square", *SMALL, "executor.canary=false", "run.plan=off")
    ran = vgpipe(*typed)
    (record,) = ran.records()
    (note,) = record["notes"]
    assert note.startswith(f"prompt: {READ}") and f"warning: {record['clip']}: {note}" in ran.err
    elsewhere = vgpipe(*typed, "exporter=gif")
    assert elsewhere.records()[0]["notes"] == [note], "an encoded text says what of it was read"


def test_each_shot_is_noted_by_its_number(vgpipe, workdir):
    shots = [{"prompt": "a red circle", "num_frames": 5}, {"prompt": WORDS * 20, "num_frames": 5, "cut": True}]
    (workdir / "long.yaml").write_text(json.dumps({"prompts": [{"shots": shots, "id": "x"}]}))
    ran = vgpipe("job=long.yaml", "clip.width=32", "clip.height=32", "quality.num_inference_steps=2", "run.plan=off")
    assert ran.code == 0 and [one[:16] for one in ran.records()[0]["notes"]] == ["prompt of shot 2"]
