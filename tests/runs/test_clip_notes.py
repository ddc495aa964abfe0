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
