"""The renderer draws what the world's definition says."""

import dataclasses
import math
import random

import numpy as np
import pytest

from training.world import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    NUM_FRAMES,
    RADIUS_PX,
    SHAPES,
    SIZE_PX,
    SPEED_PX_PER_FRAME,
    Scene,
    combinations,
    coverage,
    is_held_out,
    random_scene,
    render,
)

STILL = Scene("circle", "red", "white", "still", "large", None)


def area_px(**changes: object) -> np.ndarray:
    return coverage([dataclasses.replace(STILL, **changes)])[0].sum((1, 2)).numpy()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", RADIUS_PX)
def test_areas_are_equal(shape, size):
    expected = math.pi * RADIUS_PX[size] ** 2
    assert area_px(shape=shape, size=size, x_px=10.3, y_px=61.7) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("shape", SHAPES)
def test_objects_wrap_around(shape):
    centred = coverage([dataclasses.replace(STILL, shape=shape, x_px=32, y_px=32)])
    cornered = coverage([dataclasses.replace(STILL, shape=shape, x_px=0, y_px=0)])
    assert np.allclose(centred.roll((32, 32), (-2, -1)), cornered, atol=1e-4)


def test_colours_are_exact():
    for colour, background in (("red", "white"), ("cyan", "blue"), ("yellow", "gray")):
        frames = render(dataclasses.replace(STILL, colour=colour, background=background))
        assert tuple(frames[0, 32, 32]) == COLOURS[colour]
        assert tuple(frames[0, 0, 0]) == BACKGROUNDS[background]


@pytest.mark.parametrize("speed", SPEED_PX_PER_FRAME)
def test_speed_and_direction(speed):
    moved_px = SPEED_PX_PER_FRAME[speed] * (NUM_FRAMES - 1)
    moving = coverage([dataclasses.replace(STILL, motion="left", speed=speed)])[0]
    assert np.allclose(moving[-1].roll(int(moved_px), -1), moving[0], atol=1e-4)


def test_growing_and_shrinking_reach_their_radii():
    growing, shrinking = area_px(motion="growing", size=None), area_px(motion="shrinking", size=None)
    assert growing[[0, -1]] == pytest.approx([math.pi * 6.5**2, math.pi * 11.5**2], rel=0.01)
    assert shrinking == pytest.approx(growing[::-1], rel=0.01)


def test_triangles_point_up():
    rows = coverage([dataclasses.replace(STILL, shape="triangle")])[0, 0].sum(1)
    filled = rows[rows > 1]
    assert filled[0] < filled[len(filled) // 2] < filled[-2]


def test_frames_are_bytes():
    frames = render(STILL)
    assert frames.shape == (NUM_FRAMES, SIZE_PX, SIZE_PX, 3)
    assert frames.dtype == np.uint8


def test_about_a_tenth_is_held_out_and_never_drawn():
    out, kept = combinations(held_out=True), combinations(held_out=False)
    assert 0.07 < len(out) / (len(out) + len(kept)) < 0.13
    assert len(out) + len(kept) == len(SHAPES) * (len(COLOURS) * len(BACKGROUNDS) - 2) * len(MOTIONS)
    assert not any(is_held_out(random_scene(random.Random(i)).combination) for i in range(500))
    assert {c[3] for c in out} == set(MOTIONS)
