"""Estimates the size of exported files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BYTES_PER_PIXEL = {
    "mp4": 0.2,
    "mp4_hevc": 0.15,
    "webm": 0.12,
    "av1": 0.1,
    "mov_prores": 0.8,
    "ffv1": 2.5,
    "gif": 1.4,
    "webp": 0.7,
    "apng": 3.0,
    "frames": 3.0,
    "last_frame": 0.2,
    "sheet": 0.3,
}
"""At the default settings, for a detailed moving picture with grain, rounded up, as measured by
benchmarks/exporter_bytes.py at 832x480, 24 frames. Noise needs up to 7 times as much, still pictures less."""


def bytes_per_pixel(settings: Mapping[str, Any], *, height: int, fps: float) -> float:
    """Returns the bytes of a file per pixel and frame of the clip.

    Args:
        settings: name and settings of its exporter.
        height: of the clip, pixels.
        fps: of the clip.
    """
    upscaled = settings.get("upscale_height")
    factor = upscaled / height if upscaled else settings.get("upscale_factor") or 1.0
    rate = (settings.get("fps") or fps) / fps
    return float(BYTES_PER_PIXEL[settings["name"]] * factor * factor * rate)
