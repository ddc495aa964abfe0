"""The log of a run: what cannot be written costs log lines, never the run."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from vgpipe.executor.at_work import at_work
from vgpipe.executor.library_logs import libraries_kept_quiet
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


@pytest.fixture
def library():
    """A logger as diffusers and transformers configure theirs when they are imported."""
    logger = logging.getLogger("diffusers")
    kept = (logger.handlers, logger.level, logger.propagate)

    def imported() -> logging.Logger:
        logger.addHandler(logging.StreamHandler())
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        return logging.getLogger("diffusers.pipelines.wan")

    logger.handlers = []
    yield imported
    logger.handlers, logger.level, logger.propagate = kept


@pytest.mark.parametrize("is_early", [True, False], ids=["imported before the run", "imported in the run"])
def test_what_a_library_logs_is_in_the_file_alone_with_its_clip(tmp_path, capsys, library, is_early):
    early = library() if is_early else None
    with logging_to(tmp_path / "run.log", terminal=True):
        logger = early or library()
        with at_work("encode", "red-circle"):
            logger.warning("truncated")
        logger.info("of no interest")
        with pytest.warns(FutureWarning):  # as the test runner records them, so that they are not logged
            warnings.warn("another", FutureWarning, stacklevel=1)
        logging.getLogger("a_library").warning("deprecated")
    lines = [line.partition(" WARNING ")[2] for line in (tmp_path / "run.log").read_text().splitlines()]
    assert lines == ["diffusers.pipelines.wan: [encode red-circle] truncated", "a_library: deprecated"]
    assert capsys.readouterr().err == ""
    logging.getLogger("diffusers").warning("afterwards")
    assert capsys.readouterr().err == "afterwards\n", "the library has its handler back"


def test_what_a_library_logs_before_there_is_a_run_reaches_its_file(tmp_path, capsys, library):
    with libraries_kept_quiet():
        library().warning("first")
        with logging_early(terminal=True) as early:
            library().warning("second")
        library().warning("third")
        with logging_to(tmp_path / "run.log", early, terminal=True):
            pass
    assert [line.rpartition(" ")[2] for line in (tmp_path / "run.log").read_text().splitlines()] == [
        "first",
        "second",
        "third",
    ]
    assert capsys.readouterr().err == ""


def test_warnings_of_python_are_in_the_file(tmp_path):
    code = f"""
import warnings
from pathlib import Path
from vgpipe.runs.logs import logging_to
with logging_to(Path({str(tmp_path / "run.log")!r}), terminal=True):
    warnings.warn("it will go", FutureWarning)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "" and "FutureWarning: it will go" in (tmp_path / "run.log").read_text()


def test_a_verbose_terminal_shows_everything(tmp_path, capsys, library):
    log.parent.setLevel(logging.DEBUG)
    try:
        with logging_to(tmp_path / "run.log", terminal=True):
            library().warning("truncated")
            log.debug("details")
    finally:
        log.parent.setLevel(logging.NOTSET)
    assert capsys.readouterr().err == "warning: truncated\ndetails\n"


def test_handlers_of_the_caller_get_what_their_level_asks_for(tmp_path, capsys):
    root, shown = logging.getLogger(), logging.StreamHandler(sys.stderr)
    shown.setFormatter(logging.Formatter("theirs: %(message)s"))
    root.addHandler(shown)
    try:
        with logging_to(tmp_path / "run.log", terminal=True):
            log.warning("slow")
            log.info("of no interest at the level of the root logger")
    finally:
        root.removeHandler(shown)
    assert capsys.readouterr().err == "theirs: slow\n", "once, and as they format it"


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
            log.info("done again")
    told = (tmp_path / "run.log").read_text()
    assert "done again" in told and told.count("stderr cannot be written any more") == 1


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


def test_a_text_of_a_stranger_forges_no_line(tmp_path, capsys):
    outside = logging.StreamHandler(shown := io.StringIO())
    root = logging.getLogger()
    root.addHandler(outside)
    try:
        with logging_to(tmp_path / "run.log", terminal=True):
            log.warning("made on %s", "\x1b[2Jcpu\n2026-01-01 00:00:00,000 INFO    vgpipe: done")
    finally:
        root.removeHandler(outside)
    for text in ((tmp_path / "run.log").read_text(), capsys.readouterr().err, shown.getvalue()):
        assert "\x1b" not in text and "\n2026" not in text and r"\u001b[2Jcpu" in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="mkfifo")
def test_a_pipe_in_place_of_the_log_is_no_wait(tmp_path, capsys):
    os.mkfifo(tmp_path / "run.log")
    with logging_to(tmp_path / "run.log", terminal=True):
        log.warning("rendered all the same")
    assert "rendered all the same" in capsys.readouterr().err
