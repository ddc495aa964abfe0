"""Measures how many bytes a pixel takes in every kind of file, for the disk that a plan forecasts.

usage: python benchmarks/exporter_bytes.py [--height 480] [--width 832] [--frames 24]

Clips: noise, of which nothing can be saved; a texture as detailed as a photo (amplitude falls as frequency) that moves
by parts of a pixel under film grain; the same without grain. T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.exporter_table import SETTINGS, table
from vgpipe.exporters.base import exporter

GRAIN = 2.0  # standard deviation, of 255
SPEED = (0.7, 1.3)  # pixels a frame, down and right


def noise(count: int, height: int, width: int) -> np.ndarray:
    """Returns random pixels, (T, H, W, 3) uint8."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype="uint8")


def texture(count: int, height: int, width: int, *, grain: float) -> np.ndarray:
    """Returns a moving texture, (T, H, W, 3) uint8.

    Args:
        count: frames.
        height: pixels.
        width: pixels.
        grain: standard deviation of what changes from frame to frame, of 255.
    """
    dice = np.random.default_rng(0)
    down, right = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, right), 1 / max(height, width))
    spectrum_CHW = np.fft.rfft2(dice.standard_normal((3, height, width))) / frequency
    spectrum_CHW = spectrum_CHW.mean(0) + 0.3 * spectrum_CHW  # colours go together, as in pictures
    spectrum_CHW *= 50 / np.fft.irfft2(spectrum_CHW, (height, width)).std()
    frames_THWC = np.empty((count, height, width, 3), "uint8")
    for index in range(count):
        moved = np.exp(-2j * np.pi * index * (SPEED[0] * down + SPEED[1] * right))
        still_HWC = np.fft.irfft2(spectrum_CHW * moved, (height, width)).transpose(1, 2, 0)
        frames_THWC[index] = (128 + still_HWC + grain * dice.standard_normal(still_HWC.shape)).clip(0, 255)
    return frames_THWC


def bytes_per_pixel(label: str, frames_THWC: np.ndarray) -> float:
    """Exports a clip and returns its bytes by the pixels of all its frames."""
    with tempfile.TemporaryDirectory() as folder:
        made = exporter(SETTINGS[label]).export(frames_THWC, fps=24.0, folder=Path(folder))
        size_bytes = sum((Path(folder) / name).stat().st_size for name in made.files)
    return size_bytes / (frames_THWC.size / 3)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=832)
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    shape = (options.frames, options.height, options.width)
    clips = [noise(*shape), texture(*shape, grain=GRAIN), texture(*shape, grain=0.0)]
    rows = [[label, *(f"{bytes_per_pixel(label, clip):.3f}" for clip in clips)] for label in SETTINGS]
    print(table(("kind", "noise", "texture with grain", "texture"), rows))


if __name__ == "__main__":
    main()
