"""`pause` and `continue`: which run is meant, and what is said where none is."""

from __future__ import annotations

import pytest

from vgpipe.store.pause_file import PauseFile
from vgpipe.store.rundir import RunDir


@pytest.fixture
def run(workdir):
    def make(name):
        root = workdir / "outputs" / "night" / name
        root.mkdir(parents=True)
        (root / "clips.jsonl").write_text("")
        return RunDir(root)

    return make


def test_without_a_run_each_says_what_to_type(vgpipe, run, workdir):
    assert vgpipe("pause").code == 2 and "no run below outputs renders now" in vgpipe("pause").err
    run("a")
    ran = vgpipe("continue")
    assert ran.code == 2 and "no run below outputs is paused now" in ran.err
    ran = vgpipe("pause", "outputs/night/a")
    assert ran.code == 2 and "does not render now" in ran.err and "resume outputs/night/a" in ran.err
    ran = vgpipe("continue", "outputs/night")
    assert ran.code == 2 and "holds no run" in ran.err
    assert vgpipe("pause", "a", "b").code == vgpipe("continue", "--now").code == 2


def test_of_several_runs_one_has_to_be_named(vgpipe, run):
    with run("a"), run("b"):
        ran = vgpipe("pause")
    assert ran.code == 2 and "pause outputs/night/a" in ran.err and "pause outputs/night/b" in ran.err


def test_continue_finds_the_paused_one(vgpipe, run):
    with run("a") as first, run("b"):
        PauseFile(first.root).ask()
        ran = vgpipe("continue")
        assert ran.code == 0 and "outputs/night/a continues" in ran.err and not PauseFile(first.root).is_there
        ran = vgpipe("continue", "outputs/night/a")
        assert ran.code == 2 and "is not paused" in ran.err


def test_a_run_that_ends_before_it_is_paused_is_told_and_leaves_no_pause(vgpipe, run, monkeypatch):
    with run("a") as one:
        asked = iter([True, True, False])
        monkeypatch.setattr("vgpipe.commands.pause.is_in_use", lambda _root: next(asked))
        monkeypatch.setattr("vgpipe.commands.pause.LOOK_EVERY_S", 0.0)
        ran = vgpipe("pause", "outputs/night/a")
    assert ran.code == 1 and "ended before it was paused" in ran.err and not PauseFile(one.root).is_there
