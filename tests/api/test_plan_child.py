"""While a run is at work, its process builds no model for a plan: torch's default precision belongs to all threads."""

from __future__ import annotations

import pytest

import vgpipe
from vgpipe.api.plan_child import fill_cache
from vgpipe.api.turns import RUNS
from vgpipe.config.load import load
from vgpipe.errors import JobError
from vgpipe.planner.profiling import profile


def test_a_plan_beside_a_run_is_made_in_another_process(tiny, workdir, monkeypatch):
    monkeypatch.setenv("VGPIPE_CACHE", str(workdir / "cache"))
    monkeypatch.setattr(profile, "profile", lambda *_, **__: pytest.fail("it was made in this process"))
    with RUNS.turn(None):
        plan = vgpipe.plan(prompts=["a"], clip=tiny["clip"], overrides=tiny["overrides"][:1])
    assert plan.fits and plan.clips == 1 and list((workdir / "cache" / "profiles").glob("*.json"))


def test_what_is_wrong_is_raised_as_it_would_be_in_this_process(workdir):
    with pytest.raises(JobError, match="no job file"):
        fill_cache(load(["job=absent.yaml"]), None)
