"""A trial that succeeded is not done again, until anything changes that its outcome depends on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest
import torch

from tests.conftest import SMALL
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.executor import past_trials
from vgpipe.executor.past_trials import PastTrials
from vgpipe.executor.workers import early_start
from vgpipe.models.families.wan import WanFamily
from vgpipe.plans import crew_planning, worker_devices
from vgpipe.plans.core_share import Share
from vgpipe.runs.run import ready
from vgpipe.store.notes import Notes

CANARY = '"event": "canary_done"'


@pytest.fixture
def made(render, workdir):
    """Renders two clips with a text of their own; returns the run's log and events."""

    def run(text: str, *overrides: str) -> tuple[str, str]:
        (workdir / "job.yaml").write_text(f"prompts: [{{prompt: {text}, seeds: [1, 2]}}]\n")
        root = render("job=job.yaml", *overrides).root
        return (root / "run.log").read_text(), (root / "events.jsonl").read_text()

    return run


def test_a_canary_that_succeeded_is_not_made_for_other_texts(made, monkeypatch):
    assert CANARY in made("a red circle")[1]
    log, events = made("a blue square")
    assert CANARY not in events and "no canary-32x32x5: it succeeded before" in log
    assert CANARY in made("a black square", "memory.vae_tiling=true")[1]
    assert CANARY in made("a white square", "exporter=frames")[1]
    monkeypatch.setattr(past_trials, "installed_versions", lambda: {"torch": "another"})
    assert CANARY in made("a small square")[1]


def test_a_clip_that_fails_has_the_next_run_try_a_canary_again(made, monkeypatch):
    made("a red circle")
    original = WanFamily.decode
    monkeypatch.setattr(WanFamily, "decode", lambda *_given: 1 / 0)
    assert CANARY not in made("a blue square")[1]
    monkeypatch.setattr(WanFamily, "decode", original)
    assert CANARY in made("a white square")[1]


class Trials(PastTrials):
    """Trials whose canaries are plain numbers."""

    def _of_threads(self, canaries):
        return {"latents": sorted(canaries), **self.conditions}


def test_a_number_of_threads_holds_for_one_machine(tmp_path, monkeypatch):
    def trials(**conditions: object) -> Trials:
        return Trials(Notes(tmp_path / "notes.jsonl"), None, conditions)

    monkeypatch.setattr(past_trials.host, "cores", lambda: 2)
    monkeypatch.setattr(past_trials, "is_quiet", lambda: False)
    trials(machine="a").remember_threads([1, 2], 1, {1: 0.5, 2: 0.75})
    assert trials(machine="a").threads([1, 2]) is None, "another program may have slowed it down"
    monkeypatch.setattr(past_trials, "is_quiet", lambda: True)
    trials(machine="a").remember_threads([1, 2], 1, {1: 0.5, 2: 0.75})
    assert trials(machine="a").threads([2, 1]) == 1
    assert trials(machine="a").thread_seconds([2, 1]) == {1: 0.5, 2: 0.75}
    assert trials(machine="b").threads([1, 2]) is None and trials(machine="a").threads([1]) is None
    trials(machine="a").remember_threads([1, 2], 3, {3: 1.0})
    assert trials(machine="a").threads([1, 2]) is None, "no machine of two cores found that"


def test_a_number_of_threads_that_an_older_version_noted_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(past_trials.host, "cores", lambda: 2)
    trials = Trials(Notes(tmp_path / "notes.jsonl"), None, {})
    for fact, threads, seconds in (
        (1, 1, {}),
        ({"fastest": 1, "seconds": {"1": 0.5, "2": -1, "many": 2}}, 1, {1: 0.5}),
        ({"fastest": "one", "seconds": 3}, None, {}),
        ("one", None, {}),
    ):
        trials.notes.remember({"latents": [1]}, fact)
        assert (trials.threads([1]), trials.thread_seconds([1])) == (threads, seconds)


def planned(monkeypatch, *overrides: str) -> tuple[str, Mapping[int, float]]:
    """Plans the job; returns the verdict, and the seconds of a trial that they are decided by."""
    found: list[Mapping[int, float]] = []
    monkeypatch.setattr(crew_planning, "best_share", lambda seconds, _most: found.append(seconds) or Share(2, 1))
    monkeypatch.setattr(worker_devices, "threads_at_once", lambda: 2)
    monkeypatch.setattr(early_start, "_may_have_workers", lambda *_given: False)
    config = load(["job=job.yaml", "memory=resident", *overrides])
    return ready(config, request(config)).attempts.verdict(datetime.now()), found[0]


def test_a_second_job_takes_the_number_of_threads_of_the_first(render, workdir, monkeypatch, tiny_wan):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    monkeypatch.setattr(past_trials, "is_quiet", lambda: True)
    try:
        for text in ("a red circle", "a blue square"):
            (workdir / "job.yaml").write_text(f"prompts: [{{prompt: {text}, seeds: [1, 2, 3, 4, 5, 6, 7, 8]}}]\n")
            ran = render("job=job.yaml", "memory=resident", "quality.num_inference_steps=2")
        (workdir / "job.yaml").write_text("prompts: [{prompt: a circle, seeds: [1, 2, 3, 4, 5, 6, 7, 8]}]\n")
        verdict, seconds = planned(monkeypatch, f"model.id={tiny_wan}", *SMALL)
    finally:
        torch.set_num_threads(before)
    assert "which a trial of this model on this machine found before" in (ran.root / "run.log").read_text()
    assert '"denoise_threads"' in (ran.root / "events.jsonl").read_text()
    assert "2 workers" in verdict and 2 in seconds, "the trial of one process decides the workers of a later job"
