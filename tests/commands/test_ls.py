"""The commands that look at runs: `ls` and `status`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from vgpipe.store.rundir import RunDir


def run(root: Path, states: tuple[str, ...], *, ended: bool = True) -> RunDir:
    root.mkdir(parents=True)
    run_dir = RunDir(root)
    records = [{"clip": f"clip-{number}", "state": state, "model": "m"} for number, state in enumerate(states)]
    run_dir.write_clips({**one, "error": f"{one['clip']}: bad"} for one in records)
    run_dir.append_event("run_started", clips=len(states), job="night")
    if ended:
        counts = {state: states.count(state) for state in ("done", "failed", "stopped", "pending")}
        run_dir.append_event("run_ended", reason="run.until", **counts)
    return run_dir


def test_runs_are_listed_and_told_of_from_the_command_line(vgpipe, workdir):
    run(workdir / "outputs/night/1", ("done", "failed"))
    with run(workdir / "outputs/night/2-sweep/quality=quick", ("done", "pending"), ended=False):
        listed = json.loads(vgpipe("ls", "--json").out)["runs"]
        text = vgpipe("ls").out
        told = vgpipe("status").out
        known = json.loads(vgpipe("status", "--json").out)
    assert [(one["run"], one["state"], one["sweep"]) for one in listed] == [
        ("outputs/night/2-sweep/quality=quick", "rendering", "outputs/night/2-sweep"),
        ("outputs/night/1", "failed", None),
    ]
    assert listed[0]["clips"] == {"all": 2, "done": 1, "drafted": 0, "failed": 0, "stopped": 0, "pending": 1}
    assert text.splitlines()[1].startswith("rendering  1 of 2") and len(text.splitlines()) == 4
    assert told.splitlines()[:2] == [
        "outputs/night/2-sweep/quality=quick  (night, m)",
        "  rendering   1 of 2 clips done, in 0:00",
    ]
    assert known["state"] == "rendering" and known["next"].endswith("quality=quick --watch")
    assert "failed      clip-1: clip-1: bad" in vgpipe("status", "outputs/night/1").out
    assert vgpipe("status", "outputs/night/1", "--json").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ls",), "there is no folder outputs"),
        (("ls", "--x"), "unknown argument '--x'"),
        (("ls", "a", "b"), "unknown argument 'b'"),
        (("status",), "no run below outputs"),
        (("status", "."), ". holds no run"),
        (("status", ".", "--all"), "unknown argument '--all'"),
    ],
)
def test_bad_usage_is_told(vgpipe, arguments, told):
    ran = vgpipe(*arguments)
    assert ran.code == 2 and told in ran.err and " -> python -m vgpipe" in ran.err


def test_watching_needs_a_terminal_and_ends_with_the_run(vgpipe, workdir, monkeypatch):
    root = run(workdir / "outputs/night/1", ("done",)).root
    refused = vgpipe("status", "--watch")
    assert refused.code == 2 and "status --json" in refused.err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    ran = vgpipe("status", root, "--watch")
    assert ran.code == 0 and "done        1 of 1 clip done" in ran.out


def test_an_empty_folder_has_no_runs(vgpipe, workdir):
    (workdir / "outputs").mkdir()
    ran = vgpipe("ls")
    assert (ran.code, ran.out) == (0, "") and "no run below outputs" in ran.err


def test_many_runs_are_listed_at_once_without_a_heavy_library(vgpipe, workdir, monkeypatch):
    for name in ("numpy", "torch", "hydra", "yaml"):
        monkeypatch.setitem(sys.modules, name, None)
    for number in range(20):
        run(workdir / f"outputs/night/{number}", ("done",) * 200)
    begun_s = time.process_time()
    assert len(vgpipe("ls").out.splitlines()) == 21
    assert time.process_time() - begun_s < 1.0
