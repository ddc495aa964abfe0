"""The head of a run's page in a real Chromium: the result, what is made now, and what to type."""

from __future__ import annotations

import os
import time

from tests.report.browsing import until, write_image
from tests.report.runs import make_run, record
from vgpipe.report.build import build, write_live

WORKER = {"name": "cpu-1", "device": "Xeon", "stage": "denoise", "clip": "b", "step": 3, "steps": 12}


def head_of(page) -> tuple[str, str]:
    return page.inner_text("#status"), page.inner_text("#next p") if page.is_visible("#next") else ""


def test_a_stopped_run_has_the_command_that_finishes_it(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("a", files={}), record("b", state="pending", files={})], has_ended=False)
    run_dir.append_event("run_ended", reason="SIGTERM received", pending=1, done=1)
    page = open_page(run_dir)
    status, says = head_of(page)
    assert status.startswith("stopped (SIGTERM received) \u00b7 1 of 2 done \u00b7 1 not begun")
    assert says == "1 clip is left. To finish, type"
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text }")
    page.click("#next button")
    assert page.evaluate("window.copied") == f"python -m vgpipe resume {tmp_path}"


def test_what_failed_comes_first_and_drafts_have_a_command_for_all(open_page, tmp_path):
    failed = record("b", state="failed", error="denoise: no", files={})
    page = open_page(make_run(tmp_path / "failed", [record("a", files={}), failed]))
    status, says = head_of(page)
    assert status.startswith("1 failed \u00b7 1 of 2 done") and says == "1 clip failed. To try it again, type"
    drafts = [record(name, state="drafted", draft_steps=8, files={}) for name in "ab"]
    page = open_page(make_run(tmp_path / "drafts", drafts))
    assert "2 drafts can be finished" in head_of(page)[1]
    assert page.inner_text("#next code") == f"python -m vgpipe continue {tmp_path / 'drafts'} all"
    assert head_of(open_page(make_run(tmp_path / "done", [record("a", files={}), record("b", files={})])))[1] == ""


def test_a_killed_run_says_at_which_step_it_was(open_page, tmp_path):
    run_dir = make_run(tmp_path, [record("b", state="pending", files={})], has_ended=False)
    run_dir.write_progress({"time": time.time(), "fraction": 0.25, "workers": [WORKER]})
    for path in (run_dir.clips, run_dir.events, run_dir.progress):
        os.utime(path, (1.7e9, 1.7e9))
    page = open_page(run_dir)
    status, says = head_of(page)
    assert status.startswith("no news") and "probably killed, at denoise, step 3 of 12." in says
    assert page.is_hidden("#now") and "resume" in page.inner_text("#next code")


def test_a_run_that_renders_shows_what_it_does_and_what_it_finished_last(open_page, tmp_path):
    draft = record("b", state="pending", prompt="a hill <b>", files={"poster": "sheets/b.jpg"})
    run_dir = make_run(tmp_path, [record("a", files={}, prompt="a red door"), draft], has_ended=False)
    run_dir.append_event("clip_done", clip="a")
    write_image(tmp_path / "sheets" / "b.jpg")
    progress = {"time": time.time(), "fraction": 0.25, "finish_at": time.time() + 7200}
    run_dir.write_progress({**progress, "workers": [WORKER]})
    written = round(time.time(), 1)
    build(run_dir, written=written)
    write_live(run_dir, written)
    page = open_page(run_dir.report)
    assert page.inner_text("#now .what").split("\n") == ["denoise, step 3 of 12", "cpu-1, Xeon"]
    assert page.inner_text("#now .worker .of") == "a hill <b>" and page.query_selector("#now .worker .thumb img")
    assert "in 2 h" in page.inner_text("#now .when") and "a red door" in page.inner_text("#now .last")
    assert page.title().startswith("25 % \u00b7 ")
    run_dir.write_progress({**progress, "workers": [{**WORKER, "step": 4}]})
    write_live(run_dir, written)
    until(page, "document.querySelector('#now .what strong').textContent === 'denoise, step 4 of 12'")
    run_dir.append_event("run_ended", reason="finished")
    build(run_dir, with_page=False)
    write_live(run_dir, written + 1)  # newer than the data that the page has
    until(page, "document.getElementById('now').hidden")
    assert page.is_visible("#next")  # b is left
