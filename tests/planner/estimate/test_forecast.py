"""The arithmetic of strategies, on a profile whose figures are easy to add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import CARD, HOST, profile
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.estimate.fit import CONTEXT_BYTES
from vgpipe.planner.estimate.forecast import SPARE, forecast
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import Kernels, Profile
from vgpipe.units import MIB


def planned(
    strategy: str, tier: Tier = CARD, *, stream: bool = False, tiling: bool = False, **weights: str
) -> Forecast:
    return forecast(
        profile(tiling=tiling, kernels=tier.kernels),
        tier,
        strategy=Strategy(strategy),
        stream=stream,
        weights=weights,
        vae_tile_size=None,
        inputs=PlanInputs(),
    )


def allocated(found: Forecast) -> list[float]:
    return [stage.allocated_bytes / MIB for stage in found.stages]


def stage(found: Forecast, name: str):
    return next(one for one in found.stages if one.stage == name)


@pytest.mark.parametrize(
    ("strategy", "stream", "encode", "denoise", "decode"),
    [
        ("resident", False, 3300 + 10, 3300 + 320, 3300 + 1600),
        ("model_offload", False, 1000 + 10, 2100 + 320, 200 + 1600),
        ("staged", False, 1000 + 10, 2100 + 320, 200 + 1600),
        # the encoder by leaves; what is outside of all blocks, and one block; the VAE not offloaded
        ("block_offload", False, 800 + 10, 100 + 500 + 320, 200 + 1600),
        ("block_offload", True, 200 + 800 + 2, 100 + 500 + 500 + 320, 200 + 1600),
        ("leaf_offload", False, 800 + 10, 250 + 300, 150 + 1600),
        # `embed`, while `out` is fetched ahead; `up`, and `down`
        ("leaf_offload", True, 200 + 800 + 2, 250 + 250 + 300, 150 + 1600),
        ("disk_offload", False, 800 + 10, 250 + 300, 150 + 1600),
    ],
)
def test_device_memory_of_each_strategy(strategy, stream, encode, denoise, decode):
    found = planned(strategy, stream=stream)
    assert allocated(found) == pytest.approx([encode, denoise, decode], abs=0.01)


def test_what_is_between_the_leaves_counts_with_what_is_fetched_ahead():
    made = profile()
    denoise = made.stages[1]
    wide = replace(denoise.uses[0], outside_leaves_bytes=700 * MIB)
    made = replace(made, stages=(made.stages[0], replace(denoise, uses=(wide,)), made.stages[2]))
    options = {"strategy": Strategy.LEAF_OFFLOAD, "weights": {}, "vae_tile_size": None, "inputs": PlanInputs()}
    assert stage(forecast(made, CARD, stream=False, **options), "denoise").allocated_bytes == 700 * MIB
    assert stage(forecast(made, CARD, stream=True, **options), "denoise").allocated_bytes == 950 * MIB


def test_a_decoder_is_fetched_leaf_by_leaf_without_looking_ahead():
    """It is entered through `decode`, where diffusers does not prefetch."""
    plain, streamed = planned("leaf_offload"), planned("leaf_offload", stream=True)
    assert stage(plain, "decode").allocated_bytes == stage(streamed, "decode").allocated_bytes


def test_tensors_that_a_module_has_beside_those_of_its_parts_stay_while_it_runs():
    made = profile()
    denoise = made.stages[1].uses[0]
    table = replace(denoise.leaves[1], name="blocks.0", kind="other", weight_bytes=7 * MIB, elements=0, peak_bytes=1)
    use = replace(denoise, leaves=(denoise.leaves[0], table, *denoise.leaves[1:]), weight_bytes=2107 * MIB)
    made = replace(made, stages=(made.stages[0], replace(made.stages[1], uses=(use,)), made.stages[2]))
    found = forecast(
        made,
        CARD,
        strategy=Strategy.LEAF_OFFLOAD,
        stream=False,
        weights={},
        vae_tile_size=None,
        inputs=PlanInputs(),
    )
    assert stage(found, "denoise").allocated_bytes == (7 + 250 + 300) * MIB


def test_fewer_bits_take_less_and_a_copy_while_a_layer_runs():
    found = planned("staged", transformer="fp8")
    # half of 2100, and `up`, whose 300 of activations meet its copy of 250
    assert stage(found, "denoise").allocated_bytes == (1050 + 300 + 250) * MIB
    assert stage(found, "decode").allocated_bytes == stage(planned("staged"), "decode").allocated_bytes
    assert found.weight_bytes == (3300 - 1050) * MIB
    assert found.weights == {"text_encoder": "native", "transformer": "fp8", "vae": "native"}


def test_fewer_bits_within_blocks():
    found = planned("block_offload", transformer="fp8")
    assert stage(found, "denoise").allocated_bytes == (50 + 250 + 300 + 250) * MIB


def test_8_bits_of_bitsandbytes_never_leave_the_device():
    waiting = planned("model_offload", transformer="bnb_int8")
    stored = stage(waiting, "decode").allocated_bytes - stage(planned("model_offload"), "decode").allocated_bytes
    assert stored == pytest.approx(1050 * MIB, rel=0.01)
    piecewise = planned("leaf_offload", transformer="bnb_int8")
    assert stage(piecewise, "denoise").allocated_bytes > 1050 * MIB
    assert stage(piecewise, "decode").allocated_bytes == (150 + 1600) * MIB  # dropped after its stage


def test_what_cannot_be_written_to_files_stays_in_memory():
    on_card, on_host = planned("disk_offload", transformer="int8"), planned("disk_offload", HOST, transformer="int8")
    assert stage(on_card, "denoise").allocated_bytes < 1000 * MIB  # leaf by leaf, from RAM
    assert stage(on_host, "denoise").allocated_bytes > 1050 * MIB  # whole: its RAM is the device
    assert stage(on_card, "denoise").ram_bytes - stage(planned("disk_offload"), "denoise").ram_bytes > 700 * MIB


GGUF_FILE_MIB = 900


def with_gguf(
    strategy: str, tier: Tier = CARD, made: Profile | None = None, **weights: str
) -> tuple[Forecast, Forecast]:
    """A plan with a GGUF denoiser whose file is on the disk, and one that knows the file's layout alone."""
    options = {"strategy": Strategy(strategy), "stream": False, "vae_tile_size": None}
    options["weights"] = {"transformer": "gguf", **weights}
    known, unknown = (PlanInputs(file_bytes=sizes) for sizes in ({"transformer": GGUF_FILE_MIB * MIB}, {}))
    made = made or profile()
    return forecast(made, tier, inputs=known, **options), forecast(made, tier, inputs=unknown, **options)


def test_the_size_of_a_gguf_file_is_its_weights():
    found, estimate = with_gguf("staged")
    assert found.weight_bytes == (1200 + GGUF_FILE_MIB) * MIB
    assert estimate.weight_bytes < found.weight_bytes


@pytest.mark.parametrize("tier", [CARD, HOST])
@pytest.mark.parametrize("strategy", ["resident", "staged"])
def test_what_layers_do_not_explain_of_a_gguf_file_is_on_the_device_with_its_whole_component(strategy, tier):
    found, estimate = with_gguf(strategy, tier)
    unexplained = found.weight_bytes - estimate.weight_bytes
    denoise, expected = stage(found, "denoise"), stage(estimate, "denoise")
    assert denoise.weight_bytes - expected.weight_bytes == unexplained > 100 * MIB
    assert denoise.activation_bytes == expected.activation_bytes


def test_what_layers_do_not_explain_of_a_gguf_file_comes_with_a_denoiser_that_alternates_with_another():
    made = two_denoisers()
    denoise = replace(made.stages[1], uses=made.stages[1].uses[1:])  # without the image, whose encoding takes the most
    made = replace(made, stages=(made.stages[0], denoise, made.stages[2]))
    found, estimate = with_gguf("staged", made=made, transformer_2="nf4")
    unexplained = found.weight_bytes - estimate.weight_bytes
    assert stage(found, "denoise").weight_bytes - stage(estimate, "denoise").weight_bytes == unexplained > 100 * MIB


@pytest.mark.parametrize("strategy", ["block_offload", "leaf_offload", "disk_offload"])
def test_what_layers_do_not_explain_of_a_gguf_file_is_in_no_block_or_layer(strategy):
    found, estimate = with_gguf(strategy)
    assert stage(found, "denoise").allocated_bytes == stage(estimate, "denoise").allocated_bytes


def test_peak_is_split_into_weights_and_the_rest():
    denoise = stage(planned("staged"), "denoise")
    assert (denoise.weight_bytes, denoise.activation_bytes) == (2100 * MIB, 320 * MIB)


def test_a_card_reserves_more_than_is_alive_and_has_a_context():
    denoise = stage(planned("staged"), "denoise")
    assert denoise.reserved_bytes == 2100 * MIB + round(320 * MIB * SPARE) + CONTEXT_BYTES["cuda"]
    on_host = stage(planned("staged", HOST), "denoise")
    assert on_host.reserved_bytes == on_host.allocated_bytes


def test_operations_are_those_of_all_steps():
    found = planned("staged")
    assert [one.flops for one in found.stages] == [1e12, 2 * 10 * 1e12, 2e12]


def test_offloading_moves_weights_at_every_call_and_back_where_ram_is_not_pinned():
    assert stage(planned("resident"), "denoise").transfer_bytes == 0
    assert stage(planned("model_offload"), "denoise").transfer_bytes == 2 * 2100 * MIB
    assert stage(planned("staged"), "denoise").transfer_bytes == 2100 * MIB
    assert stage(planned("leaf_offload"), "denoise").transfer_bytes == 2 * 20 * 2100 * MIB
    assert stage(planned("leaf_offload", stream=True), "denoise").transfer_bytes == 20 * 2100 * MIB


def test_no_rate_no_time():
    unknown = Tier(name="unknown", kind="cuda", memory_gb=8)
    assert all(one.seconds is None for one in planned("staged", unknown).stages)
    assert all(one.seconds is not None for one in planned("staged").stages)


def test_a_profile_without_layers_is_planned_by_the_largest_one():
    made = profile()
    bare = replace(made.stages[1].uses[0], leaves=(), blocks=())
    made = replace(made, stages=(made.stages[0], replace(made.stages[1], uses=(bare,)), made.stages[2]))
    given = {"tier": CARD, "stream": False, "vae_tile_size": None, "inputs": PlanInputs()}
    leaves = forecast(made, strategy=Strategy.LEAF_OFFLOAD, weights={}, **given)
    assert stage(leaves, "denoise").allocated_bytes == (250 + 320) * MIB
    blocks = forecast(made, strategy=Strategy.BLOCK_OFFLOAD, weights={}, **given)
    assert stage(blocks, "denoise").allocated_bytes == (2100 + 320) * MIB  # none is known: nothing is claimed
    int8 = forecast(made, strategy=Strategy.STAGED, weights={"transformer": "int8"}, **given)
    assert stage(int8, "denoise").weight_bytes == pytest.approx(1050 * MIB, rel=0.01)


def two_denoisers(kernels: Kernels = "cuda") -> Profile:
    """Two denoisers in one stage, the second half as large as the first, with a decoder that encodes an image."""
    made = profile(kernels=kernels)
    one = made.stages[1].uses[0]
    halves = tuple(
        replace(leaf, weight_bytes=leaf.weight_bytes // 2, elements=leaf.elements // 2) for leaf in one.leaves
    )
    blocks = tuple(replace(block, weight_bytes=block.weight_bytes // 2) for block in one.blocks)
    other = replace(one, component="transformer_2", weight_bytes=one.weight_bytes // 2, leaves=halves, blocks=blocks)
    image = replace(made.stages[2].uses[0], peak_bytes=900 * MIB, leaves=())
    facts = replace(made.components[1], name="transformer_2", weight_bytes=other.weight_bytes)
    denoise = replace(made.stages[1], uses=(image, one, other))
    return replace(made, stages=(made.stages[0], denoise, made.stages[2]), components=(*made.components, facts))


def of_two(strategy: str, tier: Tier = CARD, **weights: str) -> Forecast:
    options = {"strategy": Strategy(strategy), "stream": False, "vae_tile_size": None, "inputs": PlanInputs()}
    return forecast(two_denoisers(tier.kernels), tier, weights=weights, **options)


@pytest.mark.parametrize(
    ("strategy", "allocated_mib"),
    [
        ("resident", 4350 + 900),
        # The image is encoded for the next clip while a denoiser of the last is still there.
        ("model_offload", 200 + 2100 + 900),
        ("staged", 200 + 2100 + 900),
    ],
)
def test_of_two_denoisers_one_is_on_the_device(strategy, allocated_mib):
    assert stage(of_two(strategy), "denoise").allocated_bytes == allocated_mib * MIB


def test_on_a_cpu_both_denoisers_stay():
    assert stage(of_two("staged", HOST), "denoise").allocated_bytes == (200 + 2100 + 1050 + 900) * MIB


def test_of_two_denoisers_the_other_waits_in_ram_and_they_change_places_once_a_clip():
    both, alone = stage(of_two("staged"), "denoise"), stage(planned("staged"), "denoise")
    assert both.transfer_bytes == (200 + 2 * (2100 + 1050)) * MIB
    assert both.own_bytes == (200 + 2100 + 1050) * MIB
    assert both.ram_bytes - alone.ram_bytes >= 1050 * MIB


def test_of_two_denoisers_one_that_is_bound_stays_beside_the_other():
    found = stage(of_two("staged", transformer_2="bnb_int8"), "denoise")
    stays = stage(of_two("staged", transformer_2="nf4"), "denoise")
    assert found.allocated_bytes - stays.allocated_bytes == pytest.approx(525 * MIB, rel=0.01)
