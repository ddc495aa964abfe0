"""A run that is paused: it frees its memory, waits, and goes on with bit-identical output."""

from __future__ import annotations

import json
import threading
import time

import pytest

from vgpipe.commands.pause import main as pause
from vgpipe.executor.attempt_stop import AttemptStop
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.models.families.wan import WanFamily
from vgpipe.runs.pausing import wait
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.run_lock import is_in_use

SETTINGS = ("job=job.yaml", "run.sheet=false", "checks=off", "executor.canary=false", "run.plan=off")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("vgpipe.executor.attempt_stop.EVERY_S", 0.0)
    monkeypatch.setattr("vgpipe.runs.pausing.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("vgpipe.commands.pause.LOOK_EVERY_S", 0.01)


@pytest.fixture
def job(workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    return workdir


def at_denoising(monkeypatch, number, act):
    """Has something done when so many denoisings have begun."""
    denoise, begun = WanFamily.denoise, []

    def counted(self, *args, **kwargs):
        begun.append(1)
        if len(begun) == number:
            act()
        return denoise(self, *args, **kwargs)

    monkeypatch.setattr(WanFamily, "denoise", counted)


def paused_by_another_process(workdir, then):
    """Returns what runs `pause` on the run in another thread, and then ends the pause."""

    def act():
        PauseFile(workdir / "run").ask()
        threading.Thread(target=finish).start()

    def finish():
        codes.append((pause([str(workdir / "run")]), is_in_use(workdir / "run")))
        then()

    codes = []
    return act, codes


def test_a_paused_run_goes_on_to_the_same_bits(render, job, monkeypatch, quick):
    def go_on():
        PauseFile(job / "run").remove()

    act, codes = paused_by_another_process(job, go_on)
    at_denoising(monkeypatch, 2, act)
    ran = render(*SETTINGS, "hydra.run.dir=run", "executor.workers=1")
    assert ran.code == 0 and "2 done" in ran.out and codes == [(0, True)]
    assert "continuing with 2 clips" in ran.err and "python -m vgpipe continue run" in ran.err
    events = [json.loads(line)["event"] for line in (job / "run" / "events.jsonl").read_text().splitlines()]
    assert [one for one in events if one in ("run_started", "paused", "continued", "attempt_started", "run_ended")] == [
        "run_started",
        "paused",
        "continued",
        "attempt_started",
        "run_ended",
    ]
    render(*SETTINGS, "hydra.run.dir=whole", "store.dir=another", "executor.workers=1")
    made = [{path.name: path.read_bytes() for path in (job / run / "videos").iterdir()} for run in ("run", "whole")]
    assert made[0] == made[1] and len(made[0]) == 2


def test_what_stops_a_run_stops_it_in_a_pause_and_resume_does_not_wait(render, vgpipe, job, monkeypatch, quick):
    stops = []
    monkeypatch.setattr(
        "vgpipe.runs.attempts.AttemptStop", lambda run, asks: stops.append(run) or AttemptStop(run, asks)
    )
    act, codes = paused_by_another_process(job, lambda: stops[0].cancel("SIGTERM received"))
    at_denoising(monkeypatch, 1, act)
    ran = render(*SETTINGS, "hydra.run.dir=run", "executor.workers=1", "store.dir=third")
    assert ran.code == 3 and "stopped (SIGTERM received)" in ran.err and codes == [(0, True)]
    assert not PauseFile(job / "run").is_there
    PauseFile(job / "run").ask()  # as a killed run leaves it
    again = vgpipe("resume", "run")
    assert again.code == 0 and "2 done" in again.out and not PauseFile(job / "run").is_there


class Events:
    """Keeps events."""

    def __init__(self):
        self.kinds = []

    def event(self, kind, **_facts):
        self.kinds.append(kind)


def test_a_deadline_ends_a_pause(tmp_path, quick):
    file, run, events = PauseFile(tmp_path), CancelToken(), Events()
    file.ask()
    run.set_deadlines(until=None, budget="0.05s")
    began = time.monotonic()
    wait(tmp_path, file, run, events)
    assert events.kinds == ["paused"] and run.reason == "run.budget=0.05s is reached" and time.monotonic() - began < 5


def test_a_clip_that_is_appended_while_the_run_renders_is_rendered_in_the_same_run(render, job, monkeypatch, quick):
    monkeypatch.setattr("vgpipe.runs.job_follower.EVERY_S", 0.0)
    jobs = ["prompts:\n  - {prompt: half a", "prompts: [a red circle, a green triangle]\n"]
    at_denoising(monkeypatch, 1, lambda: (job / "job.yaml").write_text(jobs[0]))
    at_denoising(monkeypatch, 2, lambda: (job / "job.yaml").write_text(jobs[1]))
    ran = render(*SETTINGS, "hydra.run.dir=run", "executor.workers=1", "run.follow=true", "store.dir=fourth")
    assert ran.code == 0 and "3 done" in ran.out and "Traceback" not in ran.err
    assert "1 clip no longer in the job: rendered all the same" in ran.err
    assert [record["prompt"] for record in ran.records()] == ["a red circle", "a blue square", "a green triangle"]
    events = (job / "run" / "events.jsonl").read_text()
    assert '"event": "clips_added", "clips": ["a-green-triangle' in events
