"""What is suggested where nothing fits, and the largest clip that does."""

from __future__ import annotations

from dataclasses import replace

from tests.planner.choice.requests import ANY, MANY, RULES, card, own
from tests.planner.profiles import CLIP, scaled_profile
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.choice.advice import largest, nearest
from vgpipe.planner.choice.choose import PlanRequest, plan
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import ClipSpec, Profile


def advice(tier: Tier, request: PlanRequest = ANY) -> tuple[str, ...]:
    return nearest(CLIP, tier, request, scaled_profile, inputs=MANY, rules=RULES)


def test_advice_names_another_strategy_first():
    assert advice(card(2.5), replace(ANY, strategy=Strategy.RESIDENT))[0] == "memory=staged"


def test_advice_names_tiling_smaller_and_shorter_clips():
    found = advice(card(1.2))
    assert found[0] == "memory.vae_tiling=true"
    assert any(one.startswith("clip.width=") for one in found)
    assert any(one.startswith("clip.num_frames=") for one in found)
    assert len(found) <= 4


def test_whatever_is_advised_fits():
    tier = card(1.2)
    for one in advice(tier):
        typed = dict(item.split("=") for item in one.split())
        clip = replace(
            CLIP,
            width=int(typed.get("clip.width", CLIP.width)),
            height=int(typed.get("clip.height", CLIP.height)),
            num_frames=int(typed.get("clip.num_frames", CLIP.num_frames)),
        )
        tiling = True if "memory.vae_tiling" in typed else None
        weights = {key.rpartition(".")[2]: value for key, value in typed.items() if "weights" in key}
        request = replace(ANY, vae_tiling=tiling, weights=weights)
        assert plan(clip, tier, request, scaled_profile, inputs=PlanInputs()).chosen is not None, one
        assert RULES.allows_side(clip.width)
        assert RULES.allows_side(clip.height)
        assert RULES.allows_num_frames(clip.num_frames)


def test_no_advice_where_nothing_helps():
    assert advice(card(0.01)) == ()


def test_the_reference_is_the_largest_where_it_fits():
    spec = []

    def noted(clip: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        spec.append(clip)
        return scaled_profile(clip, tiling, tile_size)

    found = largest(card(24), ANY, noted, inputs=PlanInputs(), rules=RULES, reference=CLIP)
    assert found.spec == CLIP
    assert set(spec) == {CLIP}


def test_the_largest_that_fits_is_smaller_on_a_small_card():
    found = largest(card(1.2), ANY, scaled_profile, inputs=PlanInputs(), rules=RULES, reference=CLIP)
    assert found.fits
    volume = found.spec.width * found.spec.height * found.spec.num_frames
    assert volume < CLIP.width * CLIP.height * CLIP.num_frames
    assert found.spec.width == 2 * found.spec.height
    assert RULES.allows_num_frames(found.spec.num_frames)


def test_smaller_tiles_are_tried_where_the_decoder_alone_is_too_large():
    sizes = []

    def tiled(clip: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        sizes.append(tile_size)
        whole, size = own(clip, tiling, tile_size), 1 if tile_size else 1 << 40
        decode = whole.stages[-1]
        uses = tuple(
            replace(use, peak_bytes=size, outside_leaves_bytes=size, outside_blocks_bytes=size, leaves=(), blocks=())
            for use in decode.uses
        )
        return replace(whole, vae_tiling=tiling, stages=(*whole.stages[:-1], replace(decode, uses=uses)))

    wanted, options = replace(ANY, may_tile=True), {"inputs": PlanInputs(), "rules": RULES, "reference": CLIP}
    assert largest(card(24), wanted, tiled, **options) is None
    found = largest(card(24), wanted, tiled, smaller_tiles=lambda _: (32, 16), **options)
    assert (found.spec, found.vae_tile_size) == (CLIP, 32)
    assert 16 not in sizes
    assert largest(card(24), ANY, tiled, smaller_tiles=lambda _: (32, 16), **options) is None


def test_nothing_fits_a_card_of_nothing():
    assert largest(card(0.01), ANY, scaled_profile, inputs=PlanInputs(), rules=RULES, reference=CLIP) is None


def test_stages_with_a_strategy_each_are_left_to_the_planner():
    """No single name can be typed for them."""
    tier = card(1.75, ram_gb=2.7)
    found = plan(CLIP, tier, ANY, own, inputs=MANY).chosen
    assert len({stage.strategy or found.strategy for stage in found.stages}) > 1
    suggested = nearest(CLIP, tier, replace(ANY, strategy=Strategy.RESIDENT), own, inputs=MANY, rules=RULES)
    assert suggested[0] == "memory=auto"


def test_where_ram_is_only_assumed_the_ram_that_it_takes_is_named():
    need = replace(ANY, strategy=Strategy.MODEL_OFFLOAD)
    heavy = replace(card(24, ram_gb=1.1), assumed_ram_gb=3.0)
    assert advice(heavy, need) == ("memory=resident", "hardware.ram_gb=16")
    assert "hardware.ram_gb=16" not in advice(replace(heavy, assumed_ram_gb=None), need)
