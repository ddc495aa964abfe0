"""sheet: frames of a clip side by side in one PNG, written by Pillow; needs no ffmpeg.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.exporters.exported import POSTER_FILE, Exported
from vgpipe.exporters.frames import WithoutFallback, in_jpeg, in_png
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.recipe import to_text
from vgpipe.quality.measures import Measures
from vgpipe.sound.track import Track

FILE = "sheet.png"
POSTER_WIDTH, POSTER_QUALITY = 640, 88


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetExporter(WithoutFallback):
    """Writes an overview of a clip: `sheet.png`, its first frame as `poster.jpg`, and measures of its frames.

    Attributes:
        columns: frames per row.
        rows: at most.
        frame_width: of a frame in the sheet, pixels, at most.
    """

    columns: int = 4
    rows: int = 4
    frame_width: int = 320
    kind = "sheet"
    name = "sheet"

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes evenly spaced frames from the first to the last; holds only the sheet in memory.

        Raises:
            ExportError: if it cannot be written.
        """
        text = None if recipe is None else to_text(recipe)
        measures = Measures()
        sheet = self._sheet(frames_THWC)
        for index, frame_HWC in enumerate(frames_THWC):
            measures.add(frame_HWC)
            sheet.add(index, frame_HWC)
        try:
            sheet.image.save(folder / FILE, **in_png(text))
            sheet.first.save(folder / POSTER_FILE, quality=POSTER_QUALITY, **in_jpeg(text))
        except (OSError, ValueError) as error:
            raise ExportError(f"the sheet could not be written: {error}") from error
        return Exported(self.kind, (FILE, POSTER_FILE), facts={"measures": measures.result()})

    def _sheet(self, frames_THWC: Frames) -> _Sheet:
        count, height, width, _ = frames_THWC.shape
        wanted = np.unique(np.linspace(0, count - 1, min(count, self.columns * self.rows)).round().astype(int))
        small_w = min(width, self.frame_width)
        return _Sheet([int(index) for index in wanted], self.columns, (small_w, _scaled(height, small_w / width)))


class _Sheet:
    """Pastes selected frames side by side.

    Args:
        wanted: indices of the frames, in order.
        columns: frames per row, at most.
        size: of a frame in the sheet, (width, height), pixels.
    """

    def __init__(self, wanted: list[int], columns: int, size: tuple[int, int]):
        self._place = {index: number for number, index in enumerate(wanted)}
        self._columns, self._size = columns, size
        columns, rows = min(columns, len(wanted)), -(-len(wanted) // columns)
        self.image = Image.new("RGB", (columns * size[0], rows * size[1]))
        self.first = Image.new("RGB", size)

    def add(self, index: int, frame_HWC: np.ndarray) -> None:
        """Adds the next frame if it is selected; keeps the first one as the poster."""
        if index not in self._place:
            return
        frame = Image.fromarray(np.asarray(frame_HWC))
        row, column = divmod(self._place[index], self._columns)
        small = frame.resize(self._size, Image.Resampling.LANCZOS)
        self.image.paste(small, (column * self._size[0], row * self._size[1]))
        if index == 0:
            width = min(frame.width, POSTER_WIDTH)
            self.first = frame.resize((width, _scaled(frame.height, width / frame.width)), Image.Resampling.LANCZOS)


def _scaled(pixels: int, factor: float) -> int:
    return max(1, round(pixels * factor))
