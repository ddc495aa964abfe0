"""How alike neighbouring pixels, and frames, are: 1 is the same, 0 unrelated, as in noise.

Shape suffixes: H height, W width, C channels.
"""

from __future__ import annotations

import numpy as np

LEAST_VARIANCE = 1e-3


def neighbours(image_HW: np.ndarray, distance: int = 1) -> float:
    """Returns the correlation of pixels that are neighbours in a row or in a column.

    Args:
        image_HW: of one channel.
        distance: how far apart they are, pixels.

    Returns:
        The mean of both directions; 1 where nothing varies, or the image is too small.
    """
    centred_HW = image_HW - image_HW.mean()
    variance = float(np.square(centred_HW).mean())
    if variance < LEAST_VARIANCE or min(image_HW.shape) <= distance:
        return 1.0
    across = (centred_HW[:, distance:] * centred_HW[:, :-distance]).mean()
    down = (centred_HW[distance:] * centred_HW[:-distance]).mean()
    return float(across + down) / 2 / variance


def frames(one_HW: np.ndarray, other_HW: np.ndarray) -> float:
    """Returns the correlation of two frames, pixel by pixel; 1 where one of them is uniform."""
    one_HW, other_HW = one_HW - one_HW.mean(), other_HW - other_HW.mean()
    scale = float(np.sqrt(np.square(one_HW).mean() * np.square(other_HW).mean()))
    return float((one_HW * other_HW).mean()) / scale if scale >= LEAST_VARIANCE else 1.0


def shifted_frames(one_HW: np.ndarray, other_HW: np.ndarray) -> float:
    """Returns the largest correlation of two frames over all shifts: a camera that moves leaves it high.

    Args:
        one_HW: brightness.
        other_HW: the same size.

    Returns:
        About 0 to 1; 1 where one of them is uniform.
    """
    height, width = one_HW.shape
    window_HW = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]
    one = np.fft.rfft2((one_HW - one_HW.mean()) * window_HW)
    other = np.fft.rfft2((other_HW - other_HW.mean()) * window_HW)
    scale = float(np.sqrt(_energy(one, width) * _energy(other, width)))
    if scale < LEAST_VARIANCE:
        return 1.0
    return float(np.fft.irfft2(one * np.conj(other), s=one_HW.shape).max()) * height * width / scale


def _energy(spectrum: np.ndarray, width: int) -> float:
    """Returns the sum of squares over the whole spectrum, of which the real transform keeps half."""
    squares = np.square(np.abs(spectrum))
    twice = squares[:, 1 : (width + 1) // 2].sum()
    return float(squares.sum() + twice)
