from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vgpipe.errors import ConfigError
from vgpipe.notify.facts import Ended
from vgpipe.notify.on_end import run_on_end, words_of

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def ended(tmp_path):
    return Ended(job="night; rm -rf /", root=tmp_path, exit_code=3, clips=8, done=5, failed=1, seconds=61)


def test_the_command_gets_facts_and_no_shell_and_no_urls(ended, tmp_path, monkeypatch):
    monkeypatch.setenv("VGPIPE_NOTIFY_URLS", "ntfy://s3cret")
    code = "import os, sys; print(sys.argv[1:], *sorted(f'{k}={v}' for k, v in os.environ.items()), sep='\\n')"
    run_on_end(f"{PYTHON} -c {shlex.quote(code)} '$HOME' ; 'a b' > x", ended, tmp_path)
    said = (tmp_path / "on_end.log").read_text()
    assert said.startswith("['$HOME', ';', 'a b', '>', 'x']\n") and "s3cret" not in said
    facts = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("VGPIPE_"))
    assert facts["VGPIPE_RUN_DIR"] == str(tmp_path) and facts["VGPIPE_JOB"] == "night; rm -rf /"
    assert [facts[f"VGPIPE_{one}"] for one in ("EXIT_CODE", "CLIPS", "DONE", "FAILED", "LEFT")] == list("38512")
    assert facts["VGPIPE_REPORT"] == ""


def test_a_command_that_fails_is_one_warning_that_says_where_its_output_is(ended, tmp_path, caplog):
    run_on_end(f"{PYTHON} -c 'raise SystemExit(4)'", ended, tmp_path)
    (warning,) = caplog.messages
    assert "ended with 4" in warning and "on_end.log" in warning


def test_a_command_that_takes_long_goes_on_by_itself(ended, tmp_path, caplog):
    run_on_end("sleep 1", ended, tmp_path, wait_s=0.05)
    assert "continues by itself" in caplog.text


def test_what_cannot_be_started_is_one_warning(ended, tmp_path, caplog):
    run_on_end(f"{PYTHON} -c 0", replace(ended, error="\0"), tmp_path)
    run_on_end(f"{PYTHON} -c 0", ended, Path("/nowhere"))
    assert [message.startswith("run.on_end could not be run: ") for message in caplog.messages] == [True, True]


@pytest.mark.parametrize(
    ("command", "says"), [("echo 'a", "close the quote"), (" ", "leave it out"), ("no-such-program x", "sh -c")]
)
def test_a_command_that_cannot_work_is_refused(command, says):
    with pytest.raises(ConfigError, match=says):
        words_of(command)
