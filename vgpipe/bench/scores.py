"""How close a clip is to that of the full run, by every measure that this machine has.

Shape suffixes: T frames, H height, W width, C colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from vgpipe.bench.vmaf import vmaf
from vgpipe.outside_file import open_outside
from vgpipe.quality.likeness import likeness

SSIM, PSNR, VMAF = "ssim", "psnr_db", "vmaf"
MEASURES = {SSIM: "SSIM to the full run", VMAF: "VMAF to the full run"}
"""Measures of which a share can be kept, in words; PSNR is infinite where nothing changed."""


class StoredFrames:
    """The frames of a finished clip, read one by one.

    Args:
        folder: of PNG files, as the exporter `frames` writes it.

    Attributes:
        shape: T, H, W, 3.

    Raises:
        OSError: where they cannot be read.
    """

    def __init__(self, folder: Path):
        self._paths = sorted(folder.glob("*.png"))
        if not self._paths:
            raise FileNotFoundError(f"{folder} holds no frames")
        self.shape = (len(self._paths), *_frame(self._paths[0]).shape)

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(_frame, self._paths)


def _frame(path: Path) -> np.ndarray:
    from PIL import Image

    with open_outside(path) as file, Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def scores(folder: Path, full: Path) -> dict[str, float]:
    """Compares a clip with that of the full run.

    Args:
        folder: of its frames.
        full: of those of the full run.

    Returns:
        Measure -> number, `worst_...` for that of the worst frame; empty where frames are missing or of other shape.
    """
    try:
        frames_THWC, full_THWC = StoredFrames(folder), StoredFrames(full)
        like = likeness(frames_THWC, full_THWC)
        by_ffmpeg = vmaf(frames_THWC, full_THWC)
    except (OSError, ValueError, SyntaxError):  # Pillow raises the last for a damaged PNG
        return {}
    found = {} if like is None else asdict(like)
    if by_ffmpeg is not None:
        found |= dict(zip((VMAF, f"worst_{VMAF}"), by_ffmpeg, strict=True))
    return {name: round(value, 5) for name, value in found.items()}
