"""How large a file may become: pixels of a frame, pixels a second, pixels in all; and what an encoder may allocate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vgpipe.units import GIB, MIB

SHEET, FRAMES, LAST_FRAME = "sheet", "frames", "last_frame"
MAX_SHEET_PIXELS = 100_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The largest that is made.

    Attributes:
        frame: pixels of a frame.
        per_s: pixels of a second.
        total: pixels of all frames.
        why: where these numbers come from.
    """

    frame: int
    per_s: int
    total: int
    why: str


OWN = Bounds(35_651_584, 4_278_190_080, 2 * 10**12, "frames up to 8K, as the highest level of H.264, H.265 and AV1")
"""For what users ask for themselves; `total` is an hour of 4K at 60 fps, a day of encoding."""
OF_STRANGERS = Bounds(8_847_360, 1_061_683_200, 10**11, "frames up to 4K, as a recipe may be a stranger's")
"""For what the recipe in a file asks for; 4K at 120 fps, and in all 30 hours of 480p at 24 fps."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is made of a clip.

    Attributes:
        width: pixels.
        height: pixels.
        num_frames: of all.
        fps: frames per second.
    """

    width: int
    height: int
    num_frames: int
    fps: float

    @property
    def frame(self) -> int:
        """Pixels of a frame."""
        return self.width * self.height

    def excess(self, bounds: Bounds) -> str:
        """Returns in words what of it is more than allowed; empty where nothing is."""
        size = f"{self.width}x{self.height}"
        if self.frame > bounds.frame:
            return f"{size} is {self.frame:,} pixels a frame; at most {bounds.frame:,} are made"
        if (per_s := int(self.frame * self.fps)) > bounds.per_s:
            return f"{size} at {self.fps:g} fps is {per_s:,} pixels a second; at most {bounds.per_s:,} are made"
        if (total := self.frame * self.num_frames) > bounds.total:
            return f"{size} with {self.num_frames:,} frames is {total:,} pixels; at most {bounds.total:,} are made"
        return ""


def extent_of(settings: Mapping[str, Any], clip: Extent) -> Extent:
    """Returns what an exporter makes of a clip.

    Args:
        settings: name and settings of the exporter.
        clip: its input.
    """
    if settings["name"] in (SHEET, FRAMES, LAST_FRAME):
        return clip
    height = settings.get("upscale_height")
    factor = height / clip.height if height else settings.get("upscale_factor") or 1.0
    fps = settings.get("fps") or clip.fps
    num_frames = max(1, round(clip.num_frames * fps / clip.fps))
    return Extent(round(clip.width * factor), height or round(clip.height * factor), num_frames, fps)


@dataclass(frozen=True, slots=True)
class Excess:
    """A setting of an exporter that asks for too much.

    Attributes:
        setting: its name.
        what: the figure and the limit, in words.
        largest: the largest value that is allowed.
    """

    setting: str
    what: str
    largest: float


def excess_of(settings: Mapping[str, Any], clip: Extent, bounds: Bounds) -> Excess | None:
    """Returns which setting of an exporter asks for too much; None where all is well.

    Args:
        settings: name and settings of the exporter.
        clip: its input, itself within the bounds.
        bounds: the largest that is made.
    """
    if settings["name"] == SHEET:
        pixels = _sheet_pixels(settings, clip)
        what = f"the sheet has {pixels:,} pixels; at most {MAX_SHEET_PIXELS:,} are made"
        width = int(min(clip.width, settings["frame_width"]) * (MAX_SHEET_PIXELS / pixels) ** 0.5) - 1
        return Excess("frame_width", what, width) if pixels > MAX_SHEET_PIXELS else None
    made = extent_of(settings, clip)
    what = made.excess(bounds)
    if not what:
        return None
    if made.frame <= clip.frame:
        per_frame = min(bounds.per_s / made.frame, bounds.total / made.frame * clip.fps / clip.num_frames)
        return Excess("fps", what, _floor(per_frame, 0.1))
    seconds = clip.num_frames / clip.fps
    frame = min(bounds.frame, bounds.per_s / made.fps, bounds.total / max(1.0, made.fps * seconds))
    side = (frame / clip.frame) ** 0.5
    if settings.get("upscale_height"):
        return Excess("upscale_height", what, int(clip.height * side - 1) // 2 * 2)  # sides are rounded to even ones
    return Excess("upscale_factor", what, _floor(side, 0.01))


def _floor(value: float, step: float) -> float:
    return round(value // step * step, 2)


def _sheet_pixels(settings: Mapping[str, Any], clip: Extent) -> int:
    width = min(clip.width, settings["frame_width"])
    cells = min(clip.num_frames, settings["columns"] * settings["rows"])
    return cells * width * max(1, round(clip.height * width / clip.width))


def encoder_memory_bytes(pixels: int) -> int:
    """Returns what a software encoder may allocate: twice what the hungriest was seen to need.

    That is x264's preset `veryslow` with 490 bytes for each pixel of a frame, and motion estimation with 550; threads
    take more on more cores (benchmarks/encoder_memory.py).

    Args:
        pixels: of its largest frame.
    """
    return 2 * GIB + 32 * MIB * (os.cpu_count() or 1) + 1100 * pixels
