from __future__ import annotations

import json
from pathlib import Path

import pytest

from vgpipe.report.run_facts import RunState, failures_of, rendering_of, run_facts, size_bytes
from vgpipe.store.run_folders import run_folders, sweep_of
from vgpipe.store.rundir import RunDir

NAMES = {"d": "done", "w": "drafted", "f": "failed", "p": "pending", "s": "stopped"}


def run(root: Path, states: str, events: str = "", *, job: str = "") -> RunDir:
    """Makes a run whose clips have states: d(one), (dra)w(n), f(ailed), p(ending), s(topped).

    Args:
        root: its directory.
        states: one letter a clip.
        events: what was written, a word each: `10:start`, `30:end`, `15:clip`, `20:paused`, `25:continued`.
        job: what it is called.
    """
    root.mkdir(parents=True)
    run_dir = RunDir(root)
    run_dir.write_clips(
        {"clip": f"clip-{number}", "state": NAMES[state], "model": "shapes", "error": "bad" if state == "f" else None}
        for number, state in enumerate(states)
    )
    lines = []
    for word in events.split():
        at, _, kind = word.partition(":")
        counts = {name: states.count(state) for state, name in NAMES.items()}
        facts = {
            "start": {"event": "run_started", "clips": len(states), **({"job": job} if job else {})},
            "end": {"event": "run_ended", "reason": "run.until", **counts},
            "clip": {"event": "clip_failed", "clip": f"clip-{states.find('f')}", "error": 'a "event": "run_ended"'},
        }
        lines.append(json.dumps({"time": float(at), **facts.get(kind, {"event": kind})}))
    run_dir.events.write_text("".join(f"{line}\n" for line in lines))
    return run_dir


@pytest.mark.parametrize(
    ("states", "events", "state", "seconds"),
    [
        ("dd", "10:start 30:end", RunState.DONE, 20),
        ("df", "10:start 30:end", RunState.FAILED, 20),
        ("dfs", "10:start 30:end", RunState.STOPPED, 20),
        ("dpp", "10:start 15:clip", RunState.INTERRUPTED, 5),
        ("dd", "10:start 15:clip", RunState.DONE, 5),
        ("dd", "10:start 15:clip 1000:start 1007:end", RunState.DONE, 12),
        ("dd", "10:start 20:end 1000:start 1007:end 1008:store_freed", RunState.DONE, 17),
        ("dp", "", RunState.INTERRUPTED, 0),
        ("ww", "10:start 30:end", RunState.DRAFTED, 20),
        ("wd", "10:start 30:end", RunState.DONE, 20),
        ("wf", "10:start 30:end", RunState.FAILED, 20),
        ("wp", "10:start 15:clip", RunState.INTERRUPTED, 5),
    ],
)
def test_the_state_of_a_run_that_no_process_is_at(tmp_path, states, events, state, seconds):
    facts = run_facts(run(tmp_path / "job" / "run", states, events).root)
    assert facts is not None
    assert (facts.state, facts.seconds, facts.clips) == (state, seconds, len(states))
    assert (facts.job, facts.model) == ("job", "shapes")
    assert facts.reason == ("run.until" if state is RunState.STOPPED else "")


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ("10:start", RunState.RENDERING),
        ("10:start 30:end", RunState.RENDERING),
        ("10:start 20:paused", RunState.PAUSED),
        ("10:start 20:paused 25:end 30:start", RunState.RENDERING),
        ("10:start 20:paused 30:start", RunState.RENDERING),
        ("10:start 20:paused 25:continued", RunState.RENDERING),
    ],
)
def test_a_run_whose_directory_is_locked_is_being_made(tmp_path, events, state):
    with run(tmp_path / "run", "dp", events) as run_dir:
        facts = run_facts(run_dir.root)
    assert facts is not None
    assert (facts.state, facts.left) == (state, 1)
    later = run_facts(run_dir.root)
    assert later is not None
    assert not later.state.is_active


def test_looking_at_a_run_keeps_no_process_from_it(tmp_path):
    run_dir = run(tmp_path / "run", "dp")
    run_facts(run_dir.root)
    assert not (run_dir.root / ".lock").exists()
    with run_dir:
        pass


def test_the_failures_of_a_run_come_with_their_times_and_those_made_since_are_left_out(tmp_path):
    root = run(tmp_path / "run", "dfp", "10:start 15:clip 18:clip").root
    [one] = failures_of(root, 5)
    assert (one.clip, one.error, one.at) == ("clip-1", "bad", 18.0)
    assert failures_of(run(tmp_path / "other", "dd", "15:clip").root, 5) == ()
    assert failures_of(tmp_path / "none", 5) == ()


def test_what_runs_now_is_read_from_progress_json(tmp_path):
    run_dir = run(tmp_path / "run", "p")
    assert rendering_of(run_dir.root) is None
    here = {"stage": "denoise", "clip": "clip-0", "step": 3, "steps": 8}
    run_dir.write_progress({"time": 12.5, "pid": 7, "fraction": 0.25, "finish_at": 99.0, **here, "workers": []})
    now = rendering_of(run_dir.root)
    assert now is not None
    assert (now.at, now.pid, now.fraction, now.finish_at) == (12.5, 7, 0.25, 99.0)
    assert [(one.stage, one.clip, one.step, one.steps) for one in now.workers] == [("denoise", "clip-0", 3, 8)]
    run_dir.write_progress({"time": 1, "fraction": "x", "workers": [{"name": "cpu-1", "step": "2"}, 5]})
    now = rendering_of(run_dir.root)
    assert now is not None
    assert [(one.name, one.step) for one in now.workers] == [("cpu-1", None), ("", None)]


@pytest.mark.parametrize("text", ["", "[" * 5000, '{"time": "x"}', "\0\0", "null"])
def test_files_that_cannot_be_read_are_no_obstacle(tmp_path, text):
    run_dir = run(tmp_path / "run", "dp")
    run_dir.progress.write_text(text)
    run_dir.events.write_text(f'{text}\n"event": "run_started"\n')
    facts = run_facts(run_dir.root)
    assert facts is not None
    assert facts.state is RunState.INTERRUPTED
    assert rendering_of(run_dir.root) is None


def test_a_folder_without_a_run_has_no_facts(tmp_path):
    assert run_facts(tmp_path) is None
    assert size_bytes(tmp_path / "none") == 0


def test_the_size_is_that_of_all_files(tmp_path):
    root = run(tmp_path / "run", "d").root
    before = size_bytes(root)
    (root / "videos").mkdir()
    (root / "videos" / "x.mp4").write_bytes(b"x" * 1000)
    (root / "loop").symlink_to(root)
    assert 1000 <= size_bytes(root) - before < 5000


def test_runs_are_found_below_a_folder_and_sweeps_known(tmp_path):
    alone = run(tmp_path / "night" / "1", "d").root
    swept = run(tmp_path / "night" / "2-sweep" / "quality=quick", "d").root
    run(tmp_path / ".store" / "a" / "b", "d")
    assert set(run_folders(tmp_path)) == {alone, swept}
    assert run_folders(alone) == [alone]
    assert run_folders(tmp_path / "none") == []
    assert (sweep_of(alone), sweep_of(swept)) == (None, swept.parent)
