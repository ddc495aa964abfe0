"""Rates and transfers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import CARD, HOST, linear, profile
from vgpipe.memory.strategies import Placement, Strategy
from vgpipe.planner.estimate import efficiency
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.estimate.time import (
    Transfer,
    bus_seconds,
    compute_seconds,
    expected_seconds,
    host_seconds,
    load_seconds,
    total_seconds,
    transfer_of,
)
from vgpipe.planner.forecast_records import PeakRates, Tier

ENCODE, DENOISE, DECODE = profile().stages
NOTHING = PlanInputs()
COUNTED = replace(DENOISE, uses=tuple(replace(one, kernels=1.0) for one in DENOISE.uses))


def seconds(stage=DENOISE, tier: Tier = CARD, dtype: str = "bfloat16", inputs: PlanInputs = NOTHING, **weights: str):
    return compute_seconds(stage, tier, steps=10, dtype=dtype, weights=weights, inputs=inputs)


def expected(stage=DENOISE, tier: Tier = CARD, dtype: str = "bfloat16", **weights: str) -> float | None:
    return expected_seconds(stage, tier, steps=10, dtype=dtype, weights=weights)


def test_the_range_lies_around_what_is_expected():
    least, most = efficiency.spread_of("denoise", "cuda", is_counted=True)
    assert seconds(COUNTED) == pytest.approx((expected(COUNTED) * least, expected(COUNTED) * most))


def test_a_stage_of_which_only_products_were_counted_has_a_wide_range():
    assert seconds()[1] / seconds()[0] > 2 * seconds(COUNTED)[1] / seconds(COUNTED)[0]


def test_own_measurements_take_the_place_of_what_others_were_off_by():
    taught = seconds(inputs=PlanInputs(own_ratios={"denoise": (0.9, 1.2)}))
    assert taught == pytest.approx((0.9 * expected(), 1.2 * expected()))


def test_storage_costs_time_and_certainty():
    slow = efficiency.SLOWDOWN["int4"]
    assert expected(transformer="int4") == pytest.approx(expected() * (slow[0] * slow[1]) ** 0.5)
    plain, stored = seconds(), seconds(transformer="int4")
    assert (stored[0] / plain[0], stored[1] / plain[1]) == pytest.approx(slow)


def test_nothing_is_known_of_a_device_without_rates():
    assert seconds(tier=Tier(name="x", kind="cuda", memory_gb=8)) is None


def test_a_short_stage_on_a_cpu_may_take_what_each_stage_takes():
    assert seconds(ENCODE, replace(HOST, peak=PeakRates(fp32=1e6, bf16=1e6)))[1] > efficiency.OVERHEAD_S


def test_float32_weights_mean_float32_arithmetic():
    wide = replace(DECODE.uses[0], leaves=(linear("conv", 10, 1, itemsize=4),))
    assert expected(replace(DECODE, uses=(wide,))) == pytest.approx(expected(DECODE) * 40 / 20)  # in TF32


@pytest.mark.parametrize(
    ("where", "strategy", "stream", "is_cpu", "expected"),
    [
        (Placement.WHOLE, Strategy.RESIDENT, False, False, Transfer()),
        (Placement.WHOLE, Strategy.STAGED, False, False, Transfer(to_device_bytes=50)),
        (Placement.WHOLE, Strategy.MODEL_OFFLOAD, False, False, Transfer(to_device_bytes=50, to_host_bytes=50)),
        (Placement.WHOLE, Strategy.STAGED, False, True, Transfer()),
        (Placement.ON_CALL, Strategy.STAGED, False, False, Transfer(to_device_bytes=100, to_host_bytes=100)),
        (Placement.LEAVES, Strategy.LEAF_OFFLOAD, False, False,
         Transfer(to_device_bytes=700, to_host_bytes=700, piecewise=True)),
        (Placement.LEAVES, Strategy.LEAF_OFFLOAD, True, False,
         Transfer(to_device_bytes=700, pinned_bytes=50, piecewise=True)),
        (Placement.LEAVES, Strategy.LEAF_OFFLOAD, False, True, Transfer(from_files_bytes=700, piecewise=True)),
        (Placement.DISK, Strategy.DISK_OFFLOAD, False, False,
         Transfer(to_device_bytes=700, from_files_bytes=700, piecewise=True)),
    ],
)  # fmt: skip
def test_what_is_moved(where, strategy, stream, is_cpu, expected):
    assert transfer_of(where, strategy, 100, 7, stream=stream, is_cpu=is_cpu, clips=2) == expected


def test_pinned_ram_is_faster():
    moves = Transfer(to_device_bytes=16 * 10**9)
    assert bus_seconds(moves, CARD, stream=True) == pytest.approx((1 / 0.9, 1 / 0.5))
    assert bus_seconds(moves, CARD, stream=False)[1] > 10
    pieces = replace(moves, piecewise=True)  # RAM that is taken once serves every call
    assert bus_seconds(pieces, CARD, stream=False)[1] < bus_seconds(moves, CARD, stream=False)[1]


def test_a_device_that_shares_its_memory_moves_nothing_and_an_unknown_bus_is_unknown():
    moves = Transfer(to_device_bytes=10**9)
    assert bus_seconds(moves, Tier(name="m", kind="mps", memory_gb=8), stream=False) == (0.0, 0.0)
    assert bus_seconds(moves, Tier(name="c", kind="cuda", memory_gb=8), stream=False) is None


def test_files_may_still_be_in_ram():
    assert host_seconds(Transfer(from_files_bytes=10**9)) == pytest.approx((0.1, 2.0))
    assert host_seconds(Transfer(pinned_bytes=10**9)) == pytest.approx((0.25, 1.0))


def test_fetching_ahead_hides_behind_computing_but_reading_files_does_not():
    assert total_seconds((10, 20), (4, 8), (1, 2), overlap=True) == (11, 20 + 8 * efficiency.NOT_HIDDEN + 2)
    assert total_seconds((10, 20), (4, 8), (1, 2), overlap=False) == (15, 30)
    assert total_seconds(None, (4, 8), (0, 0), overlap=True) is None


def test_loading_depends_on_the_disk():
    assert load_seconds(3 * 10**9) == pytest.approx((1.0, 6.0))
