"""The memory ladder: every step is reached once, in order, and it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vgpipe.memory.ladder import Allowed, MemoryRung, next_rung
from vgpipe.memory.strategies import Role, Strategy


def descent(rung: MemoryRung, role: Role, allowed: Allowed, *, is_host: bool = False) -> list[MemoryRung]:
    found = []
    while (next_one := next_rung(rung, role, allowed, is_host=is_host)) is not None:
        found.append(next_one)
        rung = next_one
        assert len(found) < 50
    return found


def test_decoding_tiles_first_then_offloads_then_stores_in_fewer_bits():
    allowed = Allowed(tile_sizes=(None, 128, 64), shrinkable=("vae",))
    rungs = descent(MemoryRung(strategy=Strategy.RESIDENT), Role.DECODER, allowed)
    told = [(rung.strategy.value, rung.vae_tiling, rung.vae_tile_size, dict(rung.weights)) for rung in rungs]
    assert told == [
        ("staged", False, None, {}),
        ("staged", True, None, {}),
        ("staged", True, 128, {}),
        ("staged", True, 64, {}),
        ("leaf_offload", True, 64, {}),  # block offload does not offload a VAE
        ("disk_offload", True, 64, {}),
        ("disk_offload", True, 64, {"vae": "fp8"}),
    ]


def test_denoising_offloads_by_block_by_leaf_and_to_the_disk():
    rungs = descent(MemoryRung(strategy=Strategy.RESIDENT), Role.DENOISER, Allowed(shrinkable=("transformer",)))
    assert [rung.strategy.value for rung in rungs] == [
        "staged", "block_offload", "leaf_offload", "disk_offload", "disk_offload"
    ]  # fmt: skip
    assert rungs[-1].weights == (("transformer", "fp8"),)


def test_a_step_cache_is_left_out_before_weights_lose_precision_and_never_for_ram():
    allowed = Allowed(shrinkable=("transformer",), may_drop_cache=True)
    rungs = descent(MemoryRung(strategy=Strategy.LEAF_OFFLOAD), Role.DENOISER, allowed)
    told = [(rung.strategy.value, rung.drops_cache, len(rung.weights)) for rung in rungs]
    assert told == [("disk_offload", False, 0), ("disk_offload", True, 0), ("disk_offload", True, 1)]
    on_disk = MemoryRung(strategy=Strategy.DISK_OFFLOAD)
    assert not next_rung(on_disk, Role.DENOISER, allowed, is_host=True).drops_cache


def test_tiles_that_were_asked_for_become_smaller():
    asked = MemoryRung(strategy=Strategy.DISK_OFFLOAD, vae_tiling=True, vae_tile_size=96)
    assert [rung.vae_tile_size for rung in descent(asked, Role.DECODER, Allowed(tile_sizes=(128, 64)))] == [64]
    own = MemoryRung(strategy=Strategy.DISK_OFFLOAD, vae_tiling=True)
    assert [rung.vae_tile_size for rung in descent(own, Role.DECODER, Allowed(tile_sizes=(128, 64)))] == [128, 64]


def test_what_is_not_allowed_is_not_done():
    pinned = MemoryRung(strategy=Strategy.RESIDENT)
    assert descent(pinned, Role.DENOISER, Allowed(strategies=False)) == []
    strict = descent(pinned, Role.DECODER, Allowed())
    assert strict and all(rung.is_bit_identical_to(pinned) for rung in strict)


def test_components_in_ram_are_dropped_only_where_ram_ran_out():
    rung = MemoryRung(strategy=Strategy.MODEL_OFFLOAD)
    assert next_rung(rung, Role.DENOISER, Allowed()).strategy is Strategy.BLOCK_OFFLOAD
    assert next_rung(rung, Role.DENOISER, Allowed(), is_host=True).strategy is Strategy.STAGED


def test_where_ram_ran_out_nothing_is_tried_that_takes_as_much_of_it_or_more():
    allowed = Allowed(tile_sizes=(None, 64), shrinkable=("transformer",))
    rungs = descent(MemoryRung(strategy=Strategy.MODEL_OFFLOAD), Role.DENOISER, allowed, is_host=True)
    assert [(rung.strategy.value, rung.vae_tiling, len(rung.weights)) for rung in rungs] == [
        ("staged", False, 0), ("disk_offload", False, 0), ("disk_offload", False, 1)
    ]  # fmt: skip


@given(
    st.sampled_from(Strategy),
    st.sampled_from(Role),
    st.booleans(),
    st.lists(st.sampled_from([512, 256, 128, 64]), unique=True).map(lambda sizes: (None, *sorted(sizes)[::-1])),
    st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
    st.booleans(),
)
def test_it_always_ends_and_never_repeats(strategy, role, may_move, sizes, shrinkable, is_host):
    start = MemoryRung(strategy=strategy)
    allowed = Allowed(strategies=may_move, tile_sizes=sizes, shrinkable=shrinkable)
    rungs = [start, *descent(start, role, allowed, is_host=is_host)]
    assert len(set(rungs)) == len(rungs)
