"""Each check finds what it is named for, and leaves a clip alone that only resembles it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from vgpipe.config.checks_schema import CheckConfig
from vgpipe.config.load import load
from vgpipe.quality.checking import Expected, FrameChecks, judge
from vgpipe.quality.non_finite import non_finite_share
from vgpipe.quality.verdict import Result

COUNT, HEIGHT, WIDTH = 17, 64, 96
DRAW = np.random.default_rng(5)


@cache
def standard() -> dict[str, CheckConfig]:
    return load(["checks=standard"]).checks.limits


def scene(speed: float = 2.0, count: int = COUNT) -> np.ndarray:
    """Returns a coloured texture with the spectrum of a photo, over which the camera moves."""
    width = WIDTH + int(speed * count) + 1
    frequency_HW = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(width)[None])
    frequency_HW[0, 0] = 1
    draw = np.random.default_rng(3)
    channels = [np.fft.irfft2(np.fft.rfft2(draw.standard_normal((HEIGHT, width))) * frequency_HW**-1.3) for _ in "RGB"]
    wide_HWC = np.stack([channels[0] + 0.3 * one for one in channels], -1)[:, : width // 2 * 2]
    wide_HWC = wide_HWC / wide_HWC.std() * 35 + 120
    places = (int(number * speed) for number in range(count))
    return np.stack([wide_HWC[:, place : place + WIDTH] for place in places]).clip(0, 255)


def found(frames_THWC: np.ndarray, *, expected: Expected | None = None, still: bool = False) -> dict[str, Result]:
    """Returns the checks of conf/checks/standard.yaml that have something to say."""
    checks = FrameChecks(16, expected)
    for frame_HWC in np.asarray(frames_THWC).clip(0, 255).round().astype(np.uint8):
        checks.add(frame_HWC)
    verdicts = judge(checks.numbers(), standard(), is_canary=False, wants_stillness=still)
    assert all(bool(one.says) == (one.result is not Result.PASSED) for one in verdicts)
    return {one.check: one.result for one in verdicts if one.result is not Result.PASSED}


def changed(change) -> np.ndarray:
    frames_THWC = scene()
    change(frames_THWC)
    return frames_THWC


def latent_noise() -> np.ndarray:
    blobs_THWC = DRAW.standard_normal((COUNT, HEIGHT // 8, WIDTH // 8, 3)).repeat(8, 1).repeat(8, 2) * 50 + 127
    return blobs_THWC + DRAW.standard_normal(blobs_THWC.shape) * 5


def tiled() -> np.ndarray:
    signs_HW = np.indices((HEIGHT // 16, WIDTH // 16)).sum(0) % 2 * 2 - 1
    return scene() + 14 * signs_HW.repeat(16, 0).repeat(16, 1)[..., None]


def blacked(frames_THWC: np.ndarray) -> None:
    frames_THWC[11:] = 0


def strobed(frames_THWC: np.ndarray) -> None:
    frames_THWC[::2] += 20


def stuck(frames_THWC: np.ndarray) -> None:
    frames_THWC[9:] = frames_THWC[9]


def repeated(frames_THWC: np.ndarray) -> None:
    frames_THWC[-6:] = frames_THWC[-12:-6]


FAULTY = {
    "uniform": lambda: np.full((5, 32, 32, 3), (40, 0, 200)),
    "clipped": lambda: (scene() - 120) * 80 + 120,
    "noise": lambda: DRAW.standard_normal((9, 64, 64, 3)) * 40 + 120,
    "blobs": latent_noise,
    "seams": tiled,
    "strobing": lambda: changed(strobed),
    "non_finite": lambda: changed(blacked),
    "tail": lambda: changed(stuck),
}


@pytest.mark.parametrize("check", FAULTY)
def test_a_fault_is_found(check):
    assert found(FAULTY[check]())[check] is Result.FAILED


def test_the_last_part_once_more_is_a_repeated_tail():
    assert found(changed(repeated)) == {"tail": Result.FAILED}


GOOD = {
    "a pan": scene,
    "a fade from black": lambda: scene() * np.linspace(0, 1, COUNT)[:, None, None, None],
    "film grain": lambda: scene() + DRAW.standard_normal((COUNT, HEIGHT, WIDTH, 1)) * 15,
    "a few flashes": lambda: scene() + np.isin(np.arange(COUNT), (4, 5))[:, None, None, None] * 90,
    "bars above and below": lambda: np.pad(scene()[:, 8:-8], ((0, 0), (8, 8), (0, 0), (0, 0))),
    "one frame": lambda: scene(count=1),
    "two frames": lambda: scene(count=2),
    "black and white": lambda: (scene().mean(-1, keepdims=True) > 120).repeat(3, -1) * 255,
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_clip_passes(kind):
    assert found(GOOD[kind]()) == {}


def test_a_still_clip_is_reported_unless_the_prompt_asks_for_it():
    frames_THWC = scene(speed=0)
    assert found(frames_THWC) == {"frozen": Result.WARNED}
    assert found(frames_THWC, still=True) == {}


def test_another_size_than_was_asked_for_is_found():
    frames_THWC = scene()
    assert found(frames_THWC, expected=Expected(WIDTH, HEIGHT, COUNT)) == {}
    assert found(frames_THWC, expected=Expected(WIDTH, HEIGHT + 2, COUNT + 4)) == {
        "frame_count": Result.FAILED, "frame_size": Result.FAILED,
    }  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (3, 1, 9, 3), (9, 5, 2, 3), (9, 33, 1, 3), (2, 720, 1280, 3)])
def test_frames_of_any_size_are_measured(shape):
    checks = FrameChecks(8)
    for frame_HWC in DRAW.integers(0, 255, shape).astype(np.uint8):
        checks.add(frame_HWC)
    assert all(np.isfinite(number) for number in checks.numbers().values())


def test_frames_of_several_sizes_are_measured():
    checks = FrameChecks(8, Expected(32, 32, 12))
    for number in range(12):
        checks.add(np.full((32 + number, 32, 3), number * 9, np.uint8))
    assert checks.numbers()["frame_size"] == 11


def test_the_share_of_values_that_are_no_numbers():
    assert non_finite_share(np.array([1.0, np.nan, np.inf, 0.0])) == 0.5
    assert non_finite_share(np.zeros((0, 3))) == 0.0
