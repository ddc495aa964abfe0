"""What a plan for a device foresees, with a model made up for the purpose."""

from __future__ import annotations

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.config.load import load
from vgpipe.executor.workers.foreseeing import foreseen_of
from vgpipe.executor.workers.messages import Fit, Foreseen
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.figures import clip_seconds
from vgpipe.plans.inputs import clips_to_plan
from vgpipe.plans.planning import plan_of
from vgpipe.plans.worker_plan import WorkerPlan

SIZE = ("model=cogvideox_5b", "clip.width=720", "clip.height=480", "clip.num_frames=49")


@pytest.fixture
def foreseen(monkeypatch, tmp_path):
    """Plans for a card; returns what is foreseen of its clips, and the plan."""
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plan_profiles, "cached_profile", MadeUpProfiles())

    def of(card: str, *overrides: str):
        config = load([*SIZE, f"hardware={card}", *overrides])
        plan, clips = plan_of(config), clips_to_plan(config)[0]
        return foreseen_of(plan, config, clips), plan, config, clips

    return of


def test_a_card_holds_a_clip_as_asked_or_in_tiles_or_not_at_all(foreseen):
    ((large,), *_), ((middle,), *_) = foreseen("a100_80gb"), foreseen("rtx3080_10gb")
    ((small,), *_) = foreseen("gtx1660ti_6gb", "run.degrade=strict")
    assert (large.fit, middle.fit, small) == (Fit.AS_ASKED, Fit.DEGRADED, Foreseen(Fit.NOT))


def test_settings_that_the_user_chose_are_no_degradation(foreseen):
    assert foreseen("rtx3080_10gb", "memory.vae_tiling=true")[0][0].fit is Fit.AS_ASKED
    weights = "memory.weights={transformer: int8, text_encoder: int8}"
    assert foreseen("a100_80gb", weights, "memory=staged")[0][0].fit is Fit.AS_ASKED


def test_the_seconds_are_between_the_least_and_the_most_of_one_clip(foreseen):
    (one,), plan, *_ = foreseen("a100_80gb")
    least, most = clip_seconds(plan.shapes[0].chosen)
    assert least < one.seconds < most


def test_a_long_clip_takes_as_long_as_its_segments(foreseen):
    (short,), *_ = foreseen("a100_80gb", "model=cogvideox_5b_i2v")
    (long,), plan, *_ = foreseen("a100_80gb", "model=cogvideox_5b_i2v", "clip.num_frames=97")
    assert plan.segments == 2 and short.seconds < long.seconds <= 2 * short.seconds


def test_what_was_sent_of_a_plan_foresees_the_same(foreseen):
    known, plan, config, clips = foreseen("rtx3080_10gb")
    bound = WorkerPlan.of(plan).bound(config, plan.profiles._family)
    assert foreseen_of(bound, config, clips) == known


def test_without_a_plan_nothing_speaks_against_a_clip(foreseen):
    *_, config, clips = foreseen("a100_80gb")
    assert foreseen_of(None, config, clips) == (Foreseen(Fit.AS_ASKED),)
