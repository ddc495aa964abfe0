"""The log of a run: what cannot be written costs log lines, never the run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from vgpipe.runs.logs import logging_early, logging_to

log = logging.getLogger("vgpipe.anything")
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


def test_early_records_reach_the_file_and_the_terminal_once(tmp_path, capsys):
    with logging_early(terminal=True) as early:
        log.info("opened")
    with logging_to(tmp_path / "run.log", early, terminal=True):
        log.warning("slow")
        log.debug("details")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["opened", "slow", "details"]
    assert capsys.readouterr().err == "opened\nwarning: slow\n"


def test_where_the_caller_is_a_program_nothing_is_on_the_terminal(tmp_path, capsys):
    with logging_early(terminal=False) as early:
        log.warning("opened")
    with logging_to(tmp_path / "run.log", early, terminal=False):
        log.warning("slow")
    assert len((tmp_path / "run.log").read_text().splitlines()) == 2
    assert capsys.readouterr() == ("", "")


def test_a_second_run_is_appended_and_afterwards_nothing_is_logged(tmp_path):
    for text in ("first", "second"):
        with logging_to(tmp_path / "run.log", terminal=True):
            log.info("%s", text)
    log.info("third")
    assert [line.rpartition(" ")[2] for line in (tmp_path / "run.log").read_text().splitlines()] == ["first", "second"]
    assert not logging.getLogger("vgpipe").handlers


def test_warnings_of_the_libraries_are_in_the_file_alone(tmp_path, capsys):
    with logging_to(tmp_path / "run.log", terminal=True):
        logging.getLogger("a_library").warning("deprecated")
    assert "deprecated" in (tmp_path / "run.log").read_text() and "deprecated" not in capsys.readouterr().err


@needs_full
def test_a_file_on_a_full_disk_is_reported_once(tmp_path, capsys):
    path = tmp_path / "run.log"
    path.symlink_to(FULL)
    with logging_to(path, terminal=True):
        log.info("done")
    assert capsys.readouterr().err.splitlines() == [
        "done",
        f"warning: {path} is incomplete: [Errno 28] No space left on device",
    ]


def test_a_file_that_cannot_be_opened_is_reported(tmp_path, capsys):
    with logging_to(tmp_path, terminal=True):
        log.info("done")
    told = capsys.readouterr().err.splitlines()
    assert "warning: there is no log file: " in told[0] and told[1:] == ["done"]


@needs_full
def test_a_terminal_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    with FULL.open("w", buffering=1) as full:
        monkeypatch.setattr("sys.stderr", full)
        with logging_to(tmp_path / "run.log", terminal=True):
            log.info("done")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()
    assert "done" in (tmp_path / "run.log").read_text()


def test_without_a_terminal_the_programs_own_handlers_and_level_count(tmp_path, capsys):
    """And afterwards they are there as before; the file has each line once."""
    seen: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    ours, root = logging.getLogger("vgpipe"), logging.getLogger()
    saved = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with logging_to(tmp_path / "run.log", terminal=False):
            log.debug("details")
            log.info("done")
        assert seen == ["done"] and capsys.readouterr().err == ""
        assert (ours.handlers, ours.level, ours.propagate) == ([], logging.NOTSET, True)
    finally:
        root.removeHandler(handler)
        root.setLevel(saved)
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["details", "done"]
