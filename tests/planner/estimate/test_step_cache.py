"""What a plan counts of a step cache; `models/caches/test_hooks.py` shows that the schedules are the hooks' own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import CARD, CLIP, linear, profile, use
from vgpipe.memory.strategies import Strategy
from vgpipe.models.caches.choice import chosen
from vgpipe.planner.estimate.forecast import forecast
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.estimate.step_cache import computed_share, state_bytes
from vgpipe.planner.profile_records import Block
from vgpipe.plans.cache_note import cache_note
from vgpipe.units import MIB
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, SEACACHE, TAYLORSEER

CACHES = {
    name: chosen(name, threshold=None, interval=5 if name == TAYLORSEER else None, mag_ratios=(1.0,) * 10)
    for name in (SEACACHE, MAGCACHE, FIRSTBLOCK, TAYLORSEER)
}
LEAVES = (
    linear("blocks.0.up", 1, 1, block="blocks.0", tokens=512),
    linear("blocks.0.down", 1, 1, block="blocks.0", tokens=1024),
    replace(linear("proj_out", 1, 1, tokens=1024), rows=64),
)
BLOCKS = tuple(Block(name=f"blocks.{number}", weight_bytes=1, peak_bytes=1) for number in range(4))
USES = (use("transformer", LEAVES, peak=1, calls=2.0, blocks=BLOCKS),)


@pytest.mark.parametrize(
    ("name", "size_bytes"),
    [(SEACACHE, 12 * MIB), (MAGCACHE, 8 * MIB), (FIRSTBLOCK, 12 * MIB), (TAYLORSEER, MIB)],
)
def test_it_keeps_tensors_of_the_blocks_size_for_each_prompt_or_of_the_last_layers(name, size_bytes):
    assert state_bytes(CACHES[name], USES) == size_bytes and state_bytes(None, USES) == 0


def test_schedules_are_followed_and_of_a_draft_the_first_steps_alone():
    assert computed_share(CACHES[TAYLORSEER], CLIP, USES) == (0.5, 0.5)  # of ten steps 0, 1, 2, 4 and 9
    draft = replace(CLIP, num_inference_steps=4, of_steps=10, is_draft=True)
    assert computed_share(CACHES[TAYLORSEER], draft, USES) == (0.75, 0.75)
    rest = replace(CLIP, num_inference_steps=6, of_steps=10)
    assert computed_share(CACHES[TAYLORSEER], rest, USES) == (1 - 4 / 6, 1 - 4 / 6)
    assert computed_share(None, CLIP, USES) == (1.0, 1.0)


def test_what_depends_on_the_clip_is_a_range_and_grows_with_the_threshold():
    least, most = computed_share(CACHES[SEACACHE], CLIP, USES)
    assert 0 < least < most < 1
    bold = replace(CACHES[FIRSTBLOCK], threshold=0.2)
    assert computed_share(bold, CLIP, USES)[0] < computed_share(CACHES[FIRSTBLOCK], CLIP, USES)[0]
    assert computed_share(bold, CLIP, USES)[0] > 0.25  # the first of four blocks is computed at every step


def test_it_reaches_seconds_memory_and_words():
    options = {"strategy": Strategy.STAGED, "stream": False, "weights": {}, "vae_tile_size": None}
    plain, cached = (
        next(
            one
            for one in forecast(profile(), CARD, inputs=PlanInputs(cache=cache), **options).stages
            if one.stage == "denoise"
        )
        for cache in (None, CACHES[TAYLORSEER])
    )
    assert cached.seconds[1] < plain.seconds[1] * 0.9 and cached.flops == plain.flops
    told = cache_note(CACHES[TAYLORSEER], CLIP, profile())
    assert told == "quality.cache=taylorseer: skips 50 % of the denoiser's work (by its schedule) and keeps 0.00 GiB"
