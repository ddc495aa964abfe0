"""The page while a run continues."""

from __future__ import annotations

import json
import logging
import time

import pytest

from tests.report.runs import data_of, make_run, record
from vgpipe.report import live
from vgpipe.store.rundir import RunDir


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live, "INTERVAL_S", 0.02)
    monkeypatch.setattr(live, "FIRST_LOOK_S", 0.01)
    monkeypatch.setattr(live, "MAX_SHARE", 1.0)


def wait_for(says):
    end = time.monotonic() + 10
    while not says():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_page_follows_the_run(tmp_path):
    run_dir = RunDir(tmp_path)
    with live.watched(run_dir):
        time.sleep(0.05)
        assert not run_dir.report.exists()  # nothing to show yet
        make_run(tmp_path, [record("a", state="pending")], has_ended=False)
        wait_for(run_dir.report.exists)
        run_dir.append_clip(record("a", state="done"))
        wait_for(lambda: data_of(run_dir)["clips"][0]["state"] == "done")
        run_dir.append_event("run_ended", reason="finished")
        assert not (tmp_path / "contact-sheet.png").exists()  # only at the end
    assert data_of(run_dir)["sheet"] == "./contact-sheet.png"
    assert data_of(run_dir)["timeline"]["ended"]


def test_a_page_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, caplog):
    run_dir = make_run(tmp_path, [record()])
    monkeypatch.setattr(live, "build", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.WARNING), live.watched(run_dir):
        pass
    assert "could not be written: division by zero" in caplog.text


def test_a_contact_sheet_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, caplog):
    run_dir = make_run(tmp_path, [record()])
    monkeypatch.setattr(live, "write_contact_sheet", lambda *_: 1 / 0)
    with caplog.at_level(logging.WARNING), live.watched(run_dir):
        pass
    assert "contact-sheet.png could not be written: division by zero" in caplog.text and run_dir.report.exists()


def test_a_failing_run_fails_as_before(tmp_path):
    run_dir = make_run(tmp_path, [record()])
    with pytest.raises(KeyError), live.watched(run_dir):
        raise KeyError("x")
    assert run_dir.report.exists()


def test_a_run_that_never_began_has_no_page(tmp_path):
    with live.watched(RunDir(tmp_path)):
        pass
    assert not list(tmp_path.iterdir())


def test_the_page_of_a_run_with_nothing_to_make_is_written_at_the_end_alone(tmp_path):
    run_dir = make_run(tmp_path, [record()])
    with live.written_at_end(run_dir):
        time.sleep(0.05)
        assert not run_dir.report.exists()
    assert data_of(run_dir)["sheet"] == "./contact-sheet.png"


def test_what_a_run_does_now_has_a_file_of_its_own_while_it_goes_on(tmp_path):
    run_dir = make_run(tmp_path, [record("a", state="pending")], has_ended=False)
    run_dir.write_progress({"time": 5.0, "fraction": 0.5, "stage": "denoise", "clip": "a", "step": 3, "steps": 9})

    def now():
        text = run_dir.report_live.read_text() if run_dir.report_live.exists() else "= null;"
        return json.loads(text.partition("= ")[2].rstrip(";\n"))

    with live.watched(run_dir):
        wait_for(lambda: now() is not None)
        run_dir.write_progress({"time": 6.0, "fraction": 0.6, "stage": "denoise", "clip": "a", "step": 4, "steps": 9})
        wait_for(lambda: now()["live"]["workers"] == [{"stage": "denoise", "clip": "a", "step": 4, "steps": 9}])
        wait_for(lambda: data_of(run_dir)["live_file"] == run_dir.report_live.name)
        run_dir.append_event("run_ended", reason="finished")
    assert not run_dir.report_live.exists()
    assert data_of(run_dir)["live"] is None and "live_file" not in data_of(run_dir)
