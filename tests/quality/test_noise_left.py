from __future__ import annotations

import numpy as np

from vgpipe.quality.noise_left import noise_left, says

NOISE = np.random.default_rng(0).standard_normal((1, 4, 3, 8, 8)).astype(np.float32)


def test_latents_that_are_the_noise_still_hold_all_of_it_whatever_their_scale():
    assert noise_left(NOISE, NOISE * 0.1 + 3) > 0.999
    assert noise_left(NOISE, -NOISE) > 0.999
    assert "damaged" in says(1.0)


def test_latents_of_something_else_hold_next_to_none():
    other = np.random.default_rng(1).standard_normal(NOISE.shape)
    assert noise_left(NOISE, other) < 0.1
    assert 0.6 < noise_left(NOISE, NOISE + other) < 0.8


def test_nothing_is_said_of_what_cannot_be_compared():
    assert noise_left(NOISE, NOISE[:, :2]) is None
    assert noise_left(NOISE, np.zeros_like(NOISE)) is None
