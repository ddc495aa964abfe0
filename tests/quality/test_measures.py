"""Measures say what they are named for."""

from __future__ import annotations

import numpy as np
import pytest

from vgpipe.quality.measures import Measures


def measured(frames) -> dict[str, float]:
    measures = Measures()
    for frame_HWC in frames:
        measures.add(np.asarray(frame_HWC, np.uint8))
    return measures.result()


def grey(level: float) -> np.ndarray:
    return np.full((16, 16, 3), level)


def checkers(shift: int = 0) -> np.ndarray:
    cells_HW = (np.indices((16, 16)).sum(0) + shift) % 2
    return np.repeat(cells_HW[..., None] * 255, 3, axis=2)


def test_a_still_grey_clip_measures_nothing():
    assert measured([grey(90)] * 4) == {"sharpness": 0.0, "contrast": 0.0, "motion": 0.0, "flicker": 0.0}


def test_no_frames_have_no_measures():
    assert measured([]) == {}
    assert measured([grey(3)])["motion"] == 0.0


def test_edges_are_sharp_and_contrasting():
    found = measured([checkers()] * 3)
    assert found["sharpness"] == pytest.approx((4 * 255) ** 2, rel=1e-3)  # each cell's Laplacian is four steps
    assert found["contrast"] == pytest.approx(127.5, rel=1e-4) and found["motion"] == 0


def test_motion_is_what_changes_from_frame_to_frame():
    assert measured([checkers(0), checkers(1), checkers(0)])["motion"] == pytest.approx(255, rel=1e-4)


def test_a_fade_is_no_flicker_but_a_flash_is():
    fade = measured([grey(level) for level in range(10, 90, 10)])
    flash = measured([grey(100 + 20 * (number % 2)) for number in range(8)])
    assert fade["flicker"] == pytest.approx(0, abs=1e-3) and fade["motion"] == pytest.approx(10, rel=1e-4)
    assert flash["flicker"] > 8


def test_tiny_frames_are_measured_too():
    assert measured([np.zeros((1, 2, 3))] * 2)["sharpness"] == 0.0
