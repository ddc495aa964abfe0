from __future__ import annotations

import pytest

from vgpipe.executor.eta import Eta


def test_an_estimate_needs_denoising_or_all_that_is_left_to_be_measured():
    eta = Eta()
    eta.add("export", 1.0)
    assert eta.remaining_s({"denoise": 2, "decode": 1, "export": 2}) is None
    assert eta.remaining_s({"denoise": 0, "decode": 0, "export": 2}) == 2.0
    eta.add("denoise", 10.0)
    assert eta.remaining_s({"denoise": 2, "decode": 1, "export": 0}) == pytest.approx(21.5)  # a typical decode
    eta.add("decode", 1.0)
    eta.add("denoise", 20.0)
    assert eta.remaining_s({"denoise": 2, "decode": 1, "encode": 0}) == 31.0


def test_the_steps_of_the_first_clip_give_the_first_estimate():
    eta = Eta()
    eta.step(100.0, 5, 10)  # continues at a checkpoint; what came before may be loading
    assert eta.remaining_s({"denoise": 3}) is None
    eta.step(104.0, 7, 10)
    assert eta.remaining_s({"denoise": 3, "export": 2}) == pytest.approx(3 * 20 + 2 * 1)
    eta.begin()
    eta.step(200.0, 1, 10)  # the pause between two clips is no pace
    assert eta.remaining_s({"denoise": 1}) == pytest.approx(20)
    eta.add("denoise", 30.0)
    assert eta.remaining_s({"denoise": 1}) == 30.0


def test_a_canary_counts_until_the_first_other_piece():
    eta = Eta()
    eta.add_trial("denoise", 40.0)
    eta.add_trial("denoise", 20.0)
    assert eta.mean_s("denoise") == 30.0
    eta.add("denoise", 12.0, size=2.0)
    assert eta.mean_s("denoise") == 6.0
    eta.add_trial("denoise", 90.0)
    assert eta.mean_s("denoise") == 6.0
