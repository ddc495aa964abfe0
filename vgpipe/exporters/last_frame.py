"""last_frame: the last frame of a clip as a PNG, written by Pillow, for a clip that begins where this one ends.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vgpipe.errors import ExportError
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.frames import WithoutFallback, in_png
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.recipe import to_text
from vgpipe.sound.track import Track

FILE = "last_frame.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFrameExporter(WithoutFallback):
    """Writes the last frame, lossless and in the size of the clip."""

    kind = "last_frame"
    name = "last_frame"

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes one 8-bit image into `folder`; `fps` and `sound` are not used.

        Raises:
            ExportError: if it cannot be written.
        """
        (frame_HWC,) = deque(frames_THWC, maxlen=1)  # frames are read one by one, and only the last is kept
        image = Image.fromarray(np.asarray(frame_HWC))
        try:
            image.save(folder / FILE, **in_png(None if recipe is None else to_text(recipe)))
        except (OSError, ValueError) as error:
            raise ExportError(f"the last frame could not be written: {error}") from error
        return Exported(self.kind, (FILE,), facts={"width": image.width, "height": image.height, "num_frames": 1})
