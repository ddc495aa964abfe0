"""How close the frames of a clip are to those of a reference clip: PSNR and SSIM, the mean and the worst frame.

Both say how much a setting changed the picture, not whether it is worse: a clip that shows the same thing elsewhere is
unlike its reference and as good.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

MAX_PSNR_DB = 100.0
"""What identical frames count as: their PSNR is infinite, and no mean could hold that."""
LUMA_C = np.array([0.299, 0.587, 0.114], np.float32)
WINDOW_PX, SIGMA_PX = 11, 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@dataclass(frozen=True, slots=True)
class Likeness:
    """How close a clip is to its reference.

    Attributes:
        psnr_db: mean over the frames, decibel, at most `MAX_PSNR_DB`.
        worst_psnr_db: of the frame that differs most.
        ssim: mean over the frames, -1 to 1; 1 for identical frames.
        worst_ssim: of the frame that differs most.
    """

    psnr_db: float
    worst_psnr_db: float
    ssim: float
    worst_ssim: float


def likeness(frames_THWC: Iterable[np.ndarray], reference_THWC: Iterable[np.ndarray]) -> Likeness | None:
    """Compares two clips frame by frame.

    Args:
        frames_THWC: uint8 frames, one after another.
        reference_THWC: those of the reference, as many and of the same size.

    Returns:
        The figures; None where there are no frames, or they are not of the same number or size.
    """
    psnr: list[float] = []
    ssim: list[float] = []
    try:
        for frame_HWC, reference_HWC in zip(frames_THWC, reference_THWC, strict=True):
            if frame_HWC.shape != reference_HWC.shape:
                return None
            psnr.append(psnr_db(frame_HWC, reference_HWC))
            ssim.append(ssim_of(frame_HWC, reference_HWC))
    except ValueError:  # one of them has fewer frames
        return None
    return Likeness(fmean(psnr), min(psnr), fmean(ssim), min(ssim)) if psnr else None


def psnr_db(frame_HWC: np.ndarray, reference_HWC: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio of a frame over all its channels, decibel.

    Args:
        frame_HWC: uint8.
        reference_HWC: likewise.
    """
    error = float(np.mean((frame_HWC.astype(np.float32) - reference_HWC.astype(np.float32)) ** 2))
    return MAX_PSNR_DB if error == 0 else min(MAX_PSNR_DB, float(10 * np.log10(255**2 / error)))


def ssim_of(frame_HWC: np.ndarray, reference_HWC: np.ndarray) -> float:
    """Returns the structural similarity of the brightness of two frames, -1 to 1.

    With a Gaussian window of 11 pixels, as Wang, Bovik, Sheikh and Simoncelli (2004) define it; of frames that are
    smaller than the window the window is cut.

    Args:
        frame_HWC: uint8.
        reference_HWC: likewise.
    """
    one_HW, other_HW = frame_HWC.astype(np.float32) @ LUMA_C, reference_HWC.astype(np.float32) @ LUMA_C
    mean_one, mean_other = _blurred(one_HW), _blurred(other_HW)
    variance_one = _blurred(one_HW * one_HW) - mean_one**2
    variance_other = _blurred(other_HW * other_HW) - mean_other**2
    covariance = _blurred(one_HW * other_HW) - mean_one * mean_other
    brightness = (2 * mean_one * mean_other + C1) / (mean_one**2 + mean_other**2 + C1)
    structure = (2 * covariance + C2) / (variance_one + variance_other + C2)
    return float(np.mean(brightness * structure))


def _blurred(image_HW: np.ndarray) -> np.ndarray:
    """Returns the weighted means of all windows that lie inside an image."""
    weights_H, weights_W = (_window(min(WINDOW_PX, length)) for length in image_HW.shape)
    rows, columns = image_HW.shape[0] - len(weights_H) + 1, image_HW.shape[1] - len(weights_W) + 1
    down = sum(weight * image_HW[at : at + rows] for at, weight in enumerate(weights_H))
    across = sum(weight * down[:, at : at + columns] for at, weight in enumerate(weights_W))
    return np.asarray(across)


def _window(size_px: int) -> np.ndarray:
    at = np.arange(size_px) - (size_px - 1) / 2
    weights = np.exp(-(at**2) / (2 * SIGMA_PX**2))
    return (weights / weights.sum()).astype(np.float32)
