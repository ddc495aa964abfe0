"""frames: one PNG a frame, written by Pillow; needs no ffmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.exporters.joined import Frames


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesExporter:
    """Writes 000000.png, 000001.png, ...

    Attributes:
        compress_level: zlib level, 0 none to 9 smallest.
    """

    compress_level: int = 6
    kind = "frames"

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> None:
        """Writes one lossless 8-bit PNG a frame into `folder`; `fps` has no place in them."""
        for index, frame_HWC in enumerate(frames_THWC):
            path = folder / f"{index:06d}.png"
            try:
                Image.fromarray(np.asarray(frame_HWC)).save(path, compress_level=self.compress_level)
            except (OSError, ValueError) as error:
                raise ExportError(f"frame {index} could not be written: {error}") from error
