"""The rate of each kind of work, timed or of a data sheet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import CARD, HOST, use
from vgpipe.planner.estimate import efficiency
from vgpipe.planner.estimate.work_rates import WorkRates, peak_rates, work_rates
from vgpipe.planner.forecast_records import PeakRates, Tier, TimedRates
from vgpipe.units import MIB

RATES = WorkRates(matmul=10.0, conv=5.0, attention=2.0, elementwise=4.0, weights=None)
TIMED = TimedRates(
    conv=PeakRates(fp32=0.05, bf16=0.2),
    attention=PeakRates(fp32=0.06),
    elementwise_gb_s=3.0,
    kernel_s=1e-6,
)


def work(**done: float):
    nothing = dict.fromkeys(("matmul_flops", "conv_flops", "attention_flops", "kernels", "moved_bytes"), 0.0)
    return use("any", (), peak=1, **(nothing | done))


@pytest.mark.parametrize(
    ("done", "seconds"),
    [
        ({"matmul_flops": 20.0}, 2.0),
        ({"conv_flops": 20.0}, 4.0),
        ({"attention_flops": 20.0}, 10.0),
        ({"moved_bytes": 20.0}, 5.0),
        ({"matmul_flops": 20.0, "moved_bytes": 20.0}, 7.0),
    ],
)
def test_each_kind_of_work_has_its_own_rate(done, seconds):
    assert RATES.seconds(work(**done)) == pytest.approx(seconds)


def test_small_operations_add_up_on_a_cpu_and_hide_on_a_card_that_is_busy():
    done = work(matmul_flops=20.0, kernels=3.0)
    assert replace(RATES, kernel_s=1.0).seconds(done) == pytest.approx(5.0)
    assert replace(RATES, launch_s=0.5).seconds(done) == pytest.approx(2.0)
    assert replace(RATES, launch_s=1.0).seconds(done) == pytest.approx(3.0)


def test_reading_the_weights_is_the_least_that_a_call_takes():
    assert work_rates(replace(CARD, memory_bandwidth_gb_s=1.0), "bfloat16").seconds(
        replace(work(), weight_bytes=1000 * MIB)
    ) == pytest.approx(1000 * MIB / 1e9)


def test_what_was_timed_counts_before_what_is_written():
    rates = work_rates(replace(HOST, timed=TIMED), "bfloat16")
    assert (rates.matmul, rates.conv, rates.attention) == pytest.approx((0.1e12, 0.2e12, 0.06e12))  # no attention in it
    assert rates.elementwise == pytest.approx(3e9 * efficiency.TIMED_ELEMENTWISE)
    assert rates.kernel_s == pytest.approx(1e-6 * efficiency.PYTHON_PER_KERNEL)


def test_a_card_reaches_less_of_a_higher_peak_and_less_without_fused_attention():
    small = work_rates(CARD, "bfloat16").matmul / 40e12
    large = work_rates(replace(CARD, peak=PeakRates(bf16=989.0)), "bfloat16").matmul / 989e12
    unfused = work_rates(replace(CARD, fused_attention=False), "bfloat16").attention / 40e12
    assert large < small and unfused < large


def test_nothing_is_known_of_a_device_without_rates():
    assert work_rates(Tier(name="x", kind="cuda", memory_gb=8), "float16") is None


def test_a_card_without_a_precision_computes_in_float32():
    turing = replace(CARD, peak=PeakRates(fp32=8.0, fp16=65.0))
    assert peak_rates(turing, "bfloat16") == (8.0, 8.0)
    assert peak_rates(turing, "float16") == (65.0, 65.0)


def test_convolutions_in_float32_use_tf32_where_there_is_bfloat16():
    assert peak_rates(CARD, "float32") == (10.0, 20.0)
    assert peak_rates(HOST, "float32") == (0.1, 0.1)
