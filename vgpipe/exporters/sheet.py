"""sheet: frames of a clip side by side in one PNG, written by Pillow; needs no ffmpeg.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.joined import Frames

FILE = "sheet.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetExporter:
    """Writes `sheet.png`.

    Attributes:
        columns: frames in a row.
        rows: at most.
        frame_width: of a frame in it, pixels, at most.
    """

    columns: int = 4
    rows: int = 4
    frame_width: int = 320
    kind = "sheet"
    name = "sheet"

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> Exported:
        """Writes frames from the first to the last, evenly apart; only the sheet is held in memory.

        Raises:
            ExportError: where it cannot be written.
        """
        sheet = self._drawn(frames_THWC)
        try:
            sheet.save(folder / FILE)
        except (OSError, ValueError) as error:
            raise ExportError(f"the sheet could not be written: {error}") from error
        return Exported(self.kind, (FILE,))

    def _drawn(self, frames_THWC: Frames) -> Image.Image:
        count, height, width, _ = frames_THWC.shape
        wanted = np.unique(np.linspace(0, count - 1, min(count, self.columns * self.rows)).round().astype(int))
        place = {int(index): number for number, index in enumerate(wanted)}
        small_w = min(width, self.frame_width)
        small_h = max(1, round(height * small_w / width))
        columns, rows = min(self.columns, len(wanted)), -(-len(wanted) // self.columns)
        sheet = Image.new("RGB", (columns * small_w, rows * small_h))
        for index, frame_HWC in enumerate(frames_THWC):
            if index in place:
                small = Image.fromarray(np.asarray(frame_HWC)).resize((small_w, small_h), Image.Resampling.LANCZOS)
                row, column = divmod(place[index], self.columns)
                sheet.paste(small, (column * small_w, row * small_h))
        return sheet
