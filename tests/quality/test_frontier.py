import math
import random

import pytest

from vgpipe.quality.frontier import Point, frontier, kept, mean_of, speed_up, t_975


def test_the_full_run_keeps_all_and_the_floor_nothing():
    baseline, full = [0.1, 0.3, 0.2], [0.9, 1.0, 0.7]
    whole, nothing = kept(full, baseline, full), kept(baseline, baseline, full)
    assert whole and (whole.mean, whole.low, whole.high) == pytest.approx((1, 1, 1))
    assert nothing and (nothing.mean, nothing.low, nothing.high) == pytest.approx((0, 0, 0), abs=1e-9)


def test_what_a_prompt_does_to_all_three_cancels():
    baseline, full = [0.1, 5.1, 9.1], [1.1, 6.1, 10.1]
    found = kept([0.6, 5.6, 9.6], baseline, full)
    assert found and (found.mean, found.low) == pytest.approx((0.5, 0.5))


def test_the_interval_holds_the_true_share_in_most_repetitions():
    draw, held = random.Random(3), 0
    for _ in range(400):
        full = [draw.gauss(1.0, 0.2) for _ in range(12)]
        setting = [0.8 * one + draw.gauss(0, 0.1) for one in full]
        found = kept(setting, [0.0] * 12, full)
        held += found is not None and found.low <= 0.8 <= found.high
    assert 0.91 <= held / 400 <= 0.985


@pytest.mark.parametrize(
    "baseline, full",
    [([0.5, 0.5], [0.5, 0.5]), ([0.9, 0.9], [0.1, 0.1]), ([0.1], [0.9]), ([], []), ([0, math.nan], [1, 1])],
)
def test_a_measure_that_tells_nothing_gives_no_share(baseline, full):
    assert kept(full, baseline, full) is None


def test_a_speed_up_is_the_geometric_mean_of_pairs():
    found = speed_up([1.0, 2.0, 4.0], [2.0, 4.0, 8.0])
    assert found and (found.mean, found.low, found.high) == pytest.approx((2, 2, 2))
    assert speed_up([0.0, 1.0], [1.0, 1.0]) is None
    assert mean_of([1.0]) is None


def test_the_frontier_is_what_no_setting_beats():
    points = [Point("slow", 9, 1.0), Point("beaten", 5, 0.7), Point("good", 4, 0.8), Point("fast", 1, 0.2)]
    assert frontier(points) == {"slow", "good", "fast"}
    assert frontier([Point("same", 1, 1), Point("slower", 2, 1)]) == {"same"}
    assert frontier([]) == frozenset()


@pytest.mark.parametrize("freedom, quantile", [(1, 12.706), (30, 2.042), (31, 2.0395), (119, 1.9801), (10**6, 1.96)])
def test_the_quantiles_are_those_of_student(freedom, quantile):
    assert t_975(freedom) == pytest.approx(quantile, abs=6e-4)
