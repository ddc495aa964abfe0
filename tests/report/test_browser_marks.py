"""Picks, stars and notes in a real Chromium: kept, saved to picks.json, loaded again, and exported as lists."""

from __future__ import annotations

import json
from pathlib import Path

from tests.report.browsing import until
from tests.report.runs import data_of, make_run, record
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.job.picks_file import read_picks
from vgpipe.job.resolving.picks import name_of
from vgpipe.report.build import build
from vgpipe.report.commands import pick_of

SEED = 2**62 + 1


def saved(page, button: str, target: Path) -> Path:
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(target)
    return target


def test_marks_are_saved_to_a_file_that_commands_and_other_pages_take(open_page, tmp_path):
    records = [record("a", files={}), record("b", files={}, seed=SEED), record("c", files={})]
    page = open_page(make_run(tmp_path / "one", records))
    page.evaluate("vgpipeMarks.pick('a'); vgpipeMarks.star('b'); vgpipeMarks.setNote('b', ' soft \u2028edges ')")
    page.reload()  # the browser keeps them
    until(page, "window.vgpipeMarks && vgpipeMarks.marked().length === 2")
    page.click("#charts > summary")
    file = saved(page, "#save-marks", tmp_path / "picks.json")
    assert [(one.id, one.pick) for one in read_picks(str(file))] == [("a", pick_of(records[0]))]
    entries = json.loads(file.read_text("utf-8"))["clips"]
    assert entries[1] == {
        "id": "b",
        "pick": pick_of(records[1]),
        "picked": False,
        "starred": True,
        "note": "soft \u2028edges",
    }

    other = open_page(make_run(tmp_path / "two", [record("z", prompt="prompt of a", files={}), record("y", files={})]))
    other.set_input_files("#picks-file", str(file))
    until(other, "vgpipeMarks.isPicked('z') && !vgpipeMarks.isPicked('y')")
    assert other.text_content("#marks-said") == "1 clip marked as in picks.json; 1 of it is not in this run"
    assert other.text_content("#picked") == "1 picked"
    (tmp_path / "bad.json").write_text('{"schema": 1, "clips": {}}')
    other.set_input_files("#picks-file", str(tmp_path / "bad.json"))
    until(other, "document.getElementById('marks-said').textContent.includes('bad.json: it is not a picks.json')")


def test_picks_are_exported_as_names_prompts_and_a_job_file(open_page, tmp_path):
    shots = [{"prompt": "x", "num_frames": 9, "cut": False}]
    odd = record("a", prompt='a {b} and "c"\n\\ {{d}}', seed=SEED, files={})
    page = open_page(make_run(tmp_path / "run", [odd, record("b", files={}, shots=shots), record("c", files={})]))
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    page.evaluate("['a', 'b'].forEach(id => vgpipeMarks.pick(id))")
    page.click("#more-picks")
    page.click("#exports button:has-text('copy names')")
    assert page.evaluate("window.copied") == "a\nb\n"
    page.click("#exports button:has-text('copy prompts')")
    assert page.evaluate("window.copied").startswith('a {b} and "c" \\ {{d}}\n')
    file = saved(page, "#exports button:has-text('job file')", tmp_path / "picked.jsonl")
    (clip,) = request(load([f"job='{file}'"])).clips
    assert (name_of(clip), clip.seed, clip.prompt) == (pick_of(odd), SEED, odd["prompt"])
    said = page.text_content("#export-said")
    assert said.startswith("python -m vgpipe job=run-picked.jsonl model=shapes; 1 clip with shots")


def test_picks_that_older_pages_kept_are_read(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a", files={}), record("b", files={}, state="drafted")])
    build(run_dir)
    key = data_of(run_dir)["key"]
    page = open_page(run_dir)
    page.evaluate(f"localStorage.setItem('vgpipe.picks.{key}', '[\"a\", \"b\", 7]')")
    page.evaluate(f"localStorage.setItem('vgpipe.picked-drafts.{key}', '[\"a\"]')")
    page.reload()
    until(page, "window.vgpipeMarks && vgpipeMarks.picked().join() === 'b'")  # the draft a has been finished since
    page.evaluate("vgpipeMarks.pick('a')")
    until(page, "document.getElementById('picked').textContent === '2 picked'")
    page.reload()
    until(page, "window.vgpipeMarks && vgpipeMarks.picked().join() === 'a,b'")
