"""What is chosen, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.choice.requests import ANY, MANY, card, own
from tests.planner.profiles import CLIP, HOST, profile
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.choice.choose import Choice, PlanRequest, plan
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import Profile


def chosen(tier: Tier, request: PlanRequest = ANY, profile_of=own, inputs=MANY) -> Choice:
    return plan(CLIP, tier, request, profile_of, inputs=inputs)


def names(choice: Choice) -> list[str]:
    return [row.strategy.value for row in choice.rows]


def test_everything_fits_a_large_card():
    found = chosen(card(24))
    assert found.chosen.strategy is Strategy.RESIDENT
    assert found.why == "resident: the fastest, and it fits"
    assert names(found)[0] == "resident"
    assert set(names(found)) == {one.value for one in Strategy}


@pytest.mark.parametrize(
    ("memory_gb", "strategies"),
    [
        (4.9, {"resident"}),
        (2.5, {"model_offload", "staged"}),
        (1.8, {"block_offload", "staged"}),  # the VAE, whole, needs 1.76
        (1.75, {"leaf_offload", "staged", "block_offload"}),
    ],
)
def test_the_fastest_that_fits_is_taken_stage_by_stage(memory_gb, strategies):
    found = chosen(card(memory_gb))
    used = {(stage.strategy or found.chosen.strategy).value for stage in found.chosen.stages}
    assert used <= strategies
    assert found.chosen.fits
    assert found.chosen.peak_bytes <= memory_gb * 2**30


def test_why_names_what_does_not_fit():
    found = chosen(card(2.5), inputs=replace(MANY, loads_again=True))
    assert found.why == (
        "staged: resident needs 5.2 GiB; 3.0 GiB of device memory usable; "
        "model_offload is about as fast and needs 4.2 GiB of RAM in place of 1.0 GiB"
    )


def test_where_nothing_is_loaded_again_dropping_it_costs_no_time():
    found = chosen(card(2.5))
    assert found.chosen.strategy is Strategy.STAGED
    assert found.why == "staged: resident needs 5.2 GiB; 3.0 GiB of device memory usable"


def test_without_rates_the_order_of_the_strategies_stands():
    found = chosen(Tier(name="unknown", kind="cuda", memory_gb=24))
    assert names(found) == [one.value for one in Strategy]


def test_on_a_cpu_nothing_waits_in_ram_for_its_stage():
    assert "model_offload" not in names(chosen(replace(HOST, memory_gb=16)))


def test_little_ram_forbids_what_waits_there():
    found = chosen(card(2.5, ram_gb=3.1))
    assert found.chosen.fits
    assert max(stage.ram_bytes for stage in found.chosen.stages) <= 3.1 * 2**30
    assert "model_offload needs 4.2 GiB of RAM" in found.why


def test_a_stream_is_taken_where_it_fits():
    pinned = replace(ANY, strategy=Strategy.BLOCK_OFFLOAD)
    assert chosen(card(24), pinned).chosen.stream
    assert not chosen(card(24, ram_gb=3.05), pinned).chosen.stream  # pinned RAM is rounded up
    assert not chosen(card(24), replace(pinned, stream=False)).chosen.stream
    assert not chosen(replace(HOST, memory_gb=16), pinned).chosen.stream


def test_a_pinned_strategy_is_the_only_row():
    found = chosen(card(24), replace(ANY, strategy=Strategy.LEAF_OFFLOAD))
    assert names(found) == ["leaf_offload"]
    assert found.why == "leaf_offload: requested, and it fits"
    refused = chosen(card(2.5), replace(ANY, strategy=Strategy.RESIDENT))
    assert refused.chosen is None
    assert "resident" in refused.why


def test_nothing_is_changed_that_nobody_allowed():
    found = chosen(card(1.0))
    assert found.chosen is None
    assert found.why.startswith("nothing fits; ")
    assert not any(row.vae_tiling for row in found.rows)


def test_tiling_comes_only_where_nothing_exact_fits():
    may = replace(ANY, may_tile=True)
    assert not chosen(card(1.75), may).chosen.vae_tiling
    found = chosen(card(1.2), may)
    assert found.chosen.vae_tiling
    assert "with VAE tiling (nothing fits without)" in found.why


def test_tiling_that_was_asked_for_is_no_last_resort():
    assert chosen(card(24), replace(ANY, vae_tiling=True)).chosen.vae_tiling
    refused = chosen(card(1.2), replace(ANY, vae_tiling=False, may_tile=True))
    assert refused.chosen is None


def test_fewer_bits_come_last_the_denoiser_before_the_text_encoder():
    whole = replace(ANY, strategy=Strategy.STAGED, may_tile=True, may_shrink_weights=True)
    denoiser = chosen(card(1.8), whole).chosen
    assert denoiser.weights == {"text_encoder": "native", "transformer": "fp8", "vae": "native"}
    assert not denoiser.vae_tiling
    assert chosen(card(1.7), whole).chosen.vae_tiling
    heavy = profile()
    text = replace(heavy.stages[0].uses[0], peak_bytes=700 * 2**20)
    heavy = replace(heavy, stages=(replace(heavy.stages[0], uses=(text,)), *heavy.stages[1:]))
    both = chosen(card(1.65), whole, lambda spec, tiling, size: _with_text(own(spec, tiling, size), heavy))
    assert both.chosen.weights == {"text_encoder": "fp8", "transformer": "fp8", "vae": "native"}


def _with_text(made: Profile, heavy: Profile) -> Profile:
    return replace(made, stages=(heavy.stages[0], *made.stages[1:]))


def test_weights_that_were_asked_for_stay_as_asked():
    request = replace(ANY, strategy=Strategy.STAGED, weights={"transformer": "int8"}, may_shrink_weights=True)
    assert chosen(card(24), request).chosen.weights["transformer"] == "int8"
    assert chosen(card(1.3), request).chosen is None
