import numpy as np
import pytest

from vgpipe.quality.likeness import MAX_PSNR_DB, likeness, psnr_db, ssim_of


@pytest.fixture
def frame_HWC():
    return np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_identical_clips_are_as_close_as_can_be(frame_HWC):
    found = likeness([frame_HWC] * 2, [frame_HWC] * 2)
    assert found and found.psnr_db == found.worst_psnr_db == MAX_PSNR_DB
    assert (found.ssim, found.worst_ssim) == pytest.approx((1, 1))


def test_psnr_is_by_its_definition(frame_HWC):
    other = np.where(frame_HWC < 250, frame_HWC + 5, frame_HWC - 5).astype(np.uint8)
    assert psnr_db(other, frame_HWC) == pytest.approx(10 * np.log10(255**2 / 25), abs=1e-4)


def test_ssim_is_that_of_a_window_at_a_time(frame_HWC):
    other = (frame_HWC // 2 + 30).astype(np.uint8)
    one, two = (frame.astype(np.float64) @ (0.299, 0.587, 0.114) for frame in (other, frame_HWC))
    at = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    weights = np.outer(at, at) / at.sum() ** 2
    values = []
    for top in range(30):
        for left in range(50):
            a, b = one[top : top + 11, left : left + 11], two[top : top + 11, left : left + 11]
            mean_a, mean_b = (a * weights).sum(), (b * weights).sum()
            var_a, var_b = ((a - mean_a) ** 2 * weights).sum(), ((b - mean_b) ** 2 * weights).sum()
            both = ((a - mean_a) * (b - mean_b) * weights).sum()
            light = (2 * mean_a * mean_b + 6.5025) / (mean_a**2 + mean_b**2 + 6.5025)
            values.append(light * (2 * both + 58.5225) / (var_a + var_b + 58.5225))
    assert ssim_of(other, frame_HWC) == pytest.approx(np.mean(values), abs=2e-4)


def test_the_worst_frame_is_told_beside_the_mean(frame_HWC):
    found = likeness([frame_HWC, 255 - frame_HWC], [frame_HWC, frame_HWC])
    assert found and found.worst_ssim < 0 < found.ssim and found.worst_psnr_db < 10 < found.psnr_db


def test_clips_of_other_shape_are_not_compared(frame_HWC):
    assert likeness([frame_HWC], [frame_HWC, frame_HWC]) is None
    assert likeness([frame_HWC], [frame_HWC[:20]]) is None
    assert likeness([], []) is None


def test_frames_smaller_than_the_window_are_compared():
    small = np.full((4, 6, 3), 9, np.uint8)
    assert ssim_of(small, small) == pytest.approx(1)
