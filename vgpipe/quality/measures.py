"""Measures of a clip's frames, to compare settings by; not a learned quality score.

Shape suffixes: H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import numpy as np

LUMA_C = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
DIGITS = 4


class Measures:
    """Measures the frames of one clip as they are added; holds at most two of them."""

    def __init__(self) -> None:
        self._before_HW: np.ndarray | None = None
        self._sharpness: list[float] = []
        self._contrast: list[float] = []
        self._motion: list[float] = []
        self._means: list[float] = []

    def add(self, frame_HWC: np.ndarray) -> None:
        """Measures the next frame, (H, W, 3) uint8."""
        luma_HW = np.asarray(frame_HWC, np.float32) @ np.asarray(LUMA_C, np.float32)
        self._means.append(float(luma_HW.mean()))
        self._contrast.append(float(luma_HW.std()))
        self._sharpness.append(_laplacian_variance(luma_HW))
        if self._before_HW is not None:
            self._motion.append(float(np.abs(luma_HW - self._before_HW).mean()))
        self._before_HW = luma_HW

    def result(self) -> dict[str, float]:
        """Returns the means over the clip, in steps of 8-bit luma (0 to 255).

        Returns:
            `sharpness`: variance of the Laplacian (Pech-Pacheco et al. 2000), which noise raises too; `contrast`:
            standard deviation within a frame; `motion`: mean absolute difference of neighbouring frames; `flicker`:
            standard deviation of the frames' mean brightness about its linear trend.
        """
        if not self._means:
            return {}
        found = {
            "sharpness": float(np.mean(self._sharpness)),
            "contrast": float(np.mean(self._contrast)),
            "motion": float(np.mean(self._motion)) if self._motion else 0.0,
            "flicker": _deviation_from_trend(np.array(self._means)),
        }
        return {name: round(value, DIGITS) for name, value in found.items()}


def _laplacian_variance(luma_HW: np.ndarray) -> float:
    if min(luma_HW.shape) < 3:
        return 0.0
    inner_HW = luma_HW[1:-1, 1:-1]
    around_HW = luma_HW[:-2, 1:-1] + luma_HW[2:, 1:-1] + luma_HW[1:-1, :-2] + luma_HW[1:-1, 2:]
    return float((around_HW - 4 * inner_HW).var())


def _deviation_from_trend(values: np.ndarray) -> float:
    if len(values) < 3:
        return 0.0
    times = np.arange(len(values))
    return float((values - np.polyval(np.polyfit(times, values, 1), times)).std())
