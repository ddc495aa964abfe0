"""The evaluator is right on what the renderer draws."""

import random
from collections import Counter

import numpy as np
import pytest

from training.seen import Seen, look
from training.world import NUM_FRAMES, SIZE_PX, Scene, random_scene, render

ATTRIBUTES = ("shape", "colour", "size", "motion", "speed", "background")


def accuracies(seed: int, count: int, noise: float) -> dict[str, float]:
    """Share of right answers per attribute on random ground-truth renders with some pixel noise."""
    rng, right = random.Random(seed), Counter()
    for _ in range(count):
        scene = random_scene(rng)
        frames = render(scene) + np.random.default_rng(seed).normal(0, noise, (NUM_FRAMES, SIZE_PX, SIZE_PX, 3))
        seen = look(frames.clip(0, 255).astype(np.uint8))
        right.update(a for a in ATTRIBUTES if getattr(seen, a) == getattr(scene, a))
    return {a: right[a] / count for a in ATTRIBUTES}


@pytest.mark.parametrize("noise", [0, 6])
def test_sees_what_is_rendered(noise):
    assert min(accuracies(seed=3, count=100, noise=noise).values()) >= 0.98


def test_an_empty_clip_shows_only_its_background():
    frames = np.full((NUM_FRAMES, SIZE_PX, SIZE_PX, 3), 240, np.uint8)
    assert look(frames) == Seen(None, None, None, None, None, "white")


def test_an_object_that_vanishes_has_no_shape():
    frames = render(Scene("circle", "red", "white", "still", "large", None)).copy()
    frames[-1] = 240
    assert look(frames).shape is None
