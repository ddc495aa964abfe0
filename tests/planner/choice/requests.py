"""Requests, devices and rules that the tests of choices and of advice share."""

from __future__ import annotations

from dataclasses import replace

from tests.planner.profiles import CARD, profile
from vgpipe.job.rules import ShapeRules
from vgpipe.planner.choice.choose import PlanRequest
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import ClipSpec, Profile

ANY = PlanRequest(
    strategy=None,
    weights={},
    vae_tiling=None,
    vae_tile_size=None,
    stream=None,
    may_tile=False,
    may_shrink_weights=False,
)
RULES = ShapeRules(side_multiple=32, min_side=64, max_side=512, frames_step=4, frames_offset=1, max_num_frames=33)
CONTEXT = 0.45
MANY = PlanInputs(clips=100)  # so that what happens once a wave hardly counts


def own(spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
    return profile(spec, tiling=tiling)


def card(memory_gb: float, **options) -> Tier:
    return replace(CARD, memory_gb=memory_gb + CONTEXT, **options)
