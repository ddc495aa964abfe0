from __future__ import annotations

import os
from pathlib import Path

import pytest

from vgpipe.runs.unfinished import unfinished_runs
from vgpipe.store.rundir import RunDir


def run(root: Path, states: str, *, at: int, ended: bool = True) -> Path:
    """Makes a run whose clips have states: d(one), f(ailed), p(ending), s(topped)."""
    names = {"d": "done", "f": "failed", "p": "pending", "s": "stopped"}
    root.mkdir(parents=True)
    run_dir = RunDir(root)
    run_dir.write_clips({"clip": f"clip-{number}", "state": names[state]} for number, state in enumerate(states))
    run_dir.append_event("run_started", clips=len(states))
    if ended:
        run_dir.append_event("run_ended", reason="", **{name: states.count(state) for state, name in names.items()})
    os.utime(run_dir.clips, (at, at))
    return root


def test_unfinished_runs_are_listed_newest_first_and_others_left_out(tmp_path):
    stopped = run(tmp_path / "night/2026-01-31_23-05-00", "ddsp", at=200)
    run(tmp_path / "night/2026-01-31_23-06-00", "ddf", at=500)
    in_sweep = run(tmp_path / "night/2026-01-31_23-07-00-sweep/quality=quick", "pppp", at=300)
    killed = run(tmp_path / "other/2026-01-31_23-08-00", "dp", at=100, ended=False)
    run(tmp_path / ".store/aa/bb", "p", at=600)
    found = list(unfinished_runs(tmp_path))
    assert [one.root for one in found] == [in_sweep, stopped, killed]
    assert [(one.left, one.clips) for one in found] == [(4, 4), (2, 4), (1, 2)]


def test_a_run_that_is_being_made_is_left_out(tmp_path):
    root = run(tmp_path / "night/2026-01-31_23-05-00", "p", at=100, ended=False)
    with RunDir(root):
        assert not list(unfinished_runs(tmp_path))
    assert [one.root for one in unfinished_runs(tmp_path)] == [root]


def test_the_records_of_a_run_that_ended_are_not_read(tmp_path, monkeypatch):
    run(tmp_path / "night/2026-01-31_23-05-00", "dp", at=100)
    monkeypatch.setattr(RunDir, "read_clips", lambda *_, **__: pytest.fail("it may have thousands of lines"))
    assert next(unfinished_runs(tmp_path)).left == 1


@pytest.mark.parametrize("events", ["", "{", "[]", '{"event": 1}', '{"event": "run_ended", "done": "x"}'])
def test_events_that_cannot_be_read_are_no_obstacle(tmp_path, events):
    root = run(tmp_path / "night/2026-01-31_23-05-00", "dp", at=100)
    RunDir(root).events.write_text(events)
    assert next(unfinished_runs(tmp_path)).left == 1


def test_without_a_folder_there_is_none(tmp_path):
    assert not list(unfinished_runs(tmp_path / "outputs"))


def test_resume_without_a_run_says_what_to_type(vgpipe, workdir):
    none = vgpipe("resume")
    assert none.code == 2 and "no unfinished run below outputs" in none.err
    run(workdir / "outputs/night/2026-01-31_23-05-00", "dddp", at=100)
    newest = run(workdir / "outputs/night/2026-01-31_23-09-00", "dp", at=200).relative_to(workdir)
    ran = vgpipe("resume", "run.until=07:00")
    assert ran.code == 2 and f"no run is given -> python -m vgpipe resume {newest} run.until=07:00" in ran.err
    head, first, second = ran.err.splitlines()[:3]
    assert head.split() == ["clips", "left", "last", "active", "run"]
    assert first.startswith("1 of 2") and first.endswith(str(newest)) and second.startswith("1 of 4")


@pytest.mark.parametrize(("answer", "starts"), [("y\n", True), ("\n", False), ("", False)])
def test_on_a_terminal_resume_asks(vgpipe, workdir, monkeypatch, answer, starts):
    root = run(workdir / "outputs/night/2026-01-31_23-05-00", "dp", at=100)
    asked: list[Path] = []
    monkeypatch.setattr("vgpipe.runs.run.resume", lambda root, *_, **__: asked.append(root) or _stop())
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.readline", lambda: answer, raising=False)
    ran = vgpipe("resume")
    assert "Finish outputs/night/2026-01-31_23-05-00? [y/N] " in ran.err
    assert asked == ([root.relative_to(workdir)] if starts else []) and ran.code == 2


def _stop() -> None:
    from vgpipe.errors import UsageError

    raise UsageError("as far as this test goes")


@pytest.mark.parametrize(
    "event",
    ['{"event": "run_ended", "done": 1e999}', '{"event": "run_ended", "done": []}', "[" * 4000, "[]", "null", "NaN"],
)
def test_a_last_event_that_is_none_has_the_records_read(tmp_path, event):
    root = run(tmp_path / "night/2026-01-31_23-05-00", "dp", at=100)
    (root / "events.jsonl").write_text(event + "\n")
    assert [(one.left, one.clips) for one in unfinished_runs(tmp_path)] == [(1, 2)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="mkfifo")
def test_pipes_and_loops_of_links_hide_no_other_run(tmp_path):
    kept = run(tmp_path / "night/2026-01-31_23-05-00", "p", at=100)
    for name in ("events.jsonl", "clips.jsonl"):
        other = run(tmp_path / f"night/{name}", "dp", at=200)
        (other / name).unlink()
        os.mkfifo(other / name)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert kept in [one.root for one in unfinished_runs(tmp_path)]
