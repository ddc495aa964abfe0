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
    host_seconds,
    load_seconds,
    peak_rates,
    total_seconds,
    transfer_of,
)
from vgpipe.planner.forecast_records import PeakRates, Tier

ENCODE, DENOISE, DECODE = profile().stages
NOTHING = PlanInputs()


def seconds(stage=DENOISE, tier: Tier = CARD, dtype: str = "bfloat16", inputs: PlanInputs = NOTHING, **weights: str):
    return compute_seconds(stage, tier, steps=10, dtype=dtype, weights=weights, inputs=inputs)


def test_time_is_operations_over_what_is_reached_of_the_peak():
    least, most = efficiency.DENOISE_SHARE["fused"]
    assert seconds() == pytest.approx((20 / 40 / most, 20 / 40 / least))


def test_own_measurements_take_the_place_of_published_ones():
    assert seconds(inputs=PlanInputs(efficiency={"denoise": (0.4, 0.5)})) == pytest.approx((1.0, 1.25))


def test_a_slower_precision_takes_longer():
    assert seconds(dtype="float32")[0] == pytest.approx(4 * seconds()[0])


def test_storage_costs_time():
    slow = efficiency.SLOWDOWN["int4"]
    plain = seconds()
    assert seconds(transformer="int4") == pytest.approx((plain[0] * slow[0], plain[1] * slow[1]))


def test_reading_the_weights_is_the_least_that_a_call_takes():
    starved = replace(CARD, memory_bandwidth_gb_s=1.0)
    assert seconds(ENCODE, starved)[0] == pytest.approx(1000 * 2**20 / 1e9)


def test_nothing_is_known_of_a_device_without_rates():
    assert seconds(tier=Tier(name="x", kind="cuda", memory_gb=8)) is None


def test_a_card_without_a_precision_computes_in_float32():
    turing = replace(CARD, peak=PeakRates(fp32=8.0, fp16=65.0))
    assert peak_rates(turing, "bfloat16") == (8.0, 8.0)
    assert peak_rates(turing, "float16") == (65.0, 65.0)


def test_convolutions_in_float32_use_tf32_where_there_is_bfloat16():
    assert peak_rates(CARD, "float32") == (10.0, 20.0)
    assert peak_rates(HOST, "float32") == (0.1, 0.1)


def test_float32_weights_mean_float32_arithmetic():
    wide = replace(DECODE.uses[0], leaves=(linear("conv", 10, 1, itemsize=4),))
    half, full = seconds(DECODE), seconds(replace(DECODE, uses=(wide,)))
    assert full[0] == pytest.approx(half[0] * 40 / 20)  # TF32 at best
    assert full[1] == pytest.approx(half[1] * 40 / 10)


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
