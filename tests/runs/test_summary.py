"""The closing lines of a run, and those before it begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.clips.test_clip_record import PLAIN
from tests.clips.test_clip_state import new
from vgpipe.clips.clip_state import ClipState
from vgpipe.job.resolving.picks import name_of
from vgpipe.plans.done_by import DoneBy
from vgpipe.runs.opening import opening
from vgpipe.runs.result import RunResult
from vgpipe.runs.summary import summary

LONG_ERROR = "denoise: the transformer gives numbers that are not finite, at step 3 of 20, with float16 weights " * 3


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """A run of three clips, one of which failed, below the working directory."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "outputs/night/2026-01-31_23-05-00"
    root.mkdir(parents=True)
    (root / "report.html").touch()
    names = ("a-red-circle-0c1d2e3f", "a-very-long-name-of-a-clip-that-no-terminal-shows-0c1d2e3f", "third")
    states = [new(replace(PLAIN, id=name)) for name in names]
    for state in states[:2]:
        state.set_seconds("denoise", 12.5)
        state.files = {"mp4": f"videos/{state.id}.mp4", "gif": f"gifs/{state.id}.gif", "sheet": "sheets/x.png"}
        state.finish()
    states[2].fail(LONG_ERROR)
    return RunResult(root=root, exit_code=1, states=tuple(states), seconds=83.0)


def test_the_last_lines_name_the_report_and_the_folders_of_the_files(ended):
    assert summary(ended, label="2 of 4: quality=quick").splitlines()[-4:] == [
        "2 done, 1 failed in 1:23 (2 of 4: quality=quick)",
        "report  outputs/night/2026-01-31_23-05-00/report.html",
        "gifs    outputs/night/2026-01-31_23-05-00/gifs",
        "videos  outputs/night/2026-01-31_23-05-00/videos",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal_and_a_name_is_there_once(ended, width):
    lines = summary(ended, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("a-red-circle" in line for line in lines) == 1
    assert " ".join(" ".join(lines).split()).count("not finite") == 3, "nothing of an error is left out"


def test_drafts_end_with_what_finishes_them(ended):
    states = [ClipState(replace(PLAIN, id=name), [None], draft=3) for name in ("a", "b")]
    for state in states:
        state.files = {"mp4": f"previews/{state.id}.mp4"}
        state.finish_from_store(is_reused=True)
    lines = summary(RunResult(root=ended.root, exit_code=0, states=tuple(states), seconds=20.0)).splitlines()
    run = "outputs/night/2026-01-31_23-05-00"
    assert lines[1].split() == ["a", "drafted", "-"]
    assert lines[3:] == [
        "2 drafted in 0:20",
        f"report    {run}/report.html",
        f"previews  {run}/previews",
        f"finish all drafts: python -m vgpipe continue {run} all",
        f"or those you pick: python -m vgpipe continue {run} 'pick=[{name_of(PLAIN)}]' (report.html types it)",
    ]
    stopped = RunResult(root=ended.root, exit_code=3, states=(*states, ended.states[0]), seconds=20.0)
    assert " continue " not in summary(stopped)  # `resume` comes first


def test_without_a_failure_there_is_no_column_of_errors(ended):
    good = RunResult(root=ended.root, exit_code=0, states=ended.states[:1], seconds=1.0)
    assert summary(good).splitlines()[:2] == [
        "clip                   state  seconds",
        "a-red-circle-0c1d2e3f  done     12.50",
    ]


def test_paths_that_are_too_wide_are_named_below_their_directory(ended):
    lines = summary(ended, width=50).splitlines()
    assert lines[-4:] == ["outputs/night/2026-01-31_23-05-00", "  report.html", "  gifs", "  videos"]


def test_a_run_without_files_names_its_directory(ended):
    (ended.root / "report.html").unlink()
    failed = RunResult(root=ended.root, exit_code=1, states=ended.states[2:], seconds=1.0)
    assert summary(failed).splitlines()[-1] == "run     outputs/night/2026-01-31_23-05-00"


def test_the_first_lines_say_what_is_rendered_and_how_long_it_takes(ended):
    first = "rendering 1 clip with shapes into outputs/night/2026-01-31_23-05-00"
    assert opening(1, "shapes", ended.root) == [first]
    by = DoneBy(at="07:00", will_be_done=1, least=0, most=1, of=1)
    assert opening(1, "shapes", ended.root, "Fits. 1-2 s per clip ...", by) == [
        first,
        "Fits. 1-2 s per clip ...",
        "by 07:00: 0 to 1 of 1 clip",
    ]
