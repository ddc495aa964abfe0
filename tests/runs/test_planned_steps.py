"""Which steps a run plans, by what it makes of its clips and by their checkpoints."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from tests.job.test_segments import PLAIN
from vgpipe.plans.parts import ALL, Steps
from vgpipe.runs import planned_steps
from vgpipe.runs.planned_steps import steps_of_states


def state(name, draft=None):
    return SimpleNamespace(clip=replace(PLAIN, id=name), draft=draft, keys=SimpleNamespace(latents=name))


def test_drafts_stop_and_what_is_continued_begins_at_its_checkpoint(monkeypatch):
    done = {"new": 0, "begun": 5, "continued": 8}
    monkeypatch.setattr(planned_steps, "steps_of", lambda _store, key: done[key])
    drafts, final = [state("new", 8), state("begun", 8)], state("continued")
    steps = steps_of_states([*drafts, final], None, counts_done=True)
    assert [steps(one.clip) for one in (*drafts, final)] == [Steps(stop=8), Steps(done=5, stop=8), Steps(done=8)]
    assert steps(replace(PLAIN, id="another")) is ALL
    assert steps_of_states([final], None, counts_done=False)(final.clip) is ALL
