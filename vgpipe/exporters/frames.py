"""frames: one image per frame, written by Pillow; needs no ffmpeg.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from vgpipe.errors import ExportError
from vgpipe.exporters.embed import PNG_KEY
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.recipe import to_text
from vgpipe.sound.track import Track


class WithoutFallback:
    """An exporter that Pillow writes for."""

    __slots__ = ()

    def may_fall_back(self) -> bool:
        """Returns False: what Pillow writes has no fallback."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesExporter(WithoutFallback):
    """Writes 000000.png, 000001.png, ...

    Attributes:
        compress_level: zlib level of PNG, 0 (none) to 9 (smallest).
        image_format: `png`, lossless, or `jpg`.
        jpeg_quality: 1 (smallest) to 100 (best).
    """

    compress_level: int = 6
    image_format: str = "png"
    jpeg_quality: int = 95
    kind = "frames"
    name = "frames"

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes one 8-bit image per frame into `folder`; `fps` and `sound` are not used.

        Raises:
            ExportError: if one cannot be written.
        """
        names: list[str] = []
        options = self._options(None if recipe is None else to_text(recipe))
        for index, frame_HWC in enumerate(frames_THWC):
            names.append(f"{index:06d}.{self.image_format}")
            try:
                Image.fromarray(np.asarray(frame_HWC)).save(folder / names[-1], **options)
            except (OSError, ValueError) as error:
                raise ExportError(f"frame {index} could not be written: {error}") from error
        return Exported(self.kind, tuple(names))

    def _options(self, text: str | None) -> dict[str, Any]:
        if self.image_format == "png":
            return {"compress_level": self.compress_level, **in_png(text)}
        return {"quality": self.jpeg_quality, "subsampling": 0, **in_jpeg(text)}


def in_jpeg(text: str | None) -> dict[str, Any]:
    """Returns Pillow's arguments that embed a recipe in a JPEG; empty for None."""
    return {} if text is None else {"comment": text.encode()}


def in_png(text: str | None) -> dict[str, Any]:
    """Returns Pillow's arguments that embed a recipe in a PNG; empty for None."""
    if text is None:
        return {}
    info = PngImagePlugin.PngInfo()
    info.add_itxt(PNG_KEY, text, zip=True)
    return {"pnginfo": info}
