"""Draws a text over frames that must not be mistaken for the requested ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Part of the store key of a file with a watermark: goes up where the numbers and functions here change bits."""
INK, PAPER = 255, 0


def watermark(text: str, *, width: int, height: int) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function that draws a text across a frame, readable on any background.

    Args:
        text: a word or two.
        width: of the frames, pixels.
        height: of the frames, pixels.

    Returns:
        A function from a frame (H, W, 3) uint8 to a copy with the text.
    """
    stencil_HW = _stencil(text, width, height)
    paper_HW, ink_HW = stencil_HW > 0, stencil_HW > 160

    def marked(frame_HWC: np.ndarray) -> np.ndarray:
        copy_HWC = frame_HWC.copy()
        copy_HWC[paper_HW], copy_HWC[ink_HW] = PAPER, INK
        return copy_HWC

    return marked


def _stencil(text: str, width: int, height: int) -> np.ndarray:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    stencil = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(stencil)
    size = max(6, width // max(4, len(text)))
    font = ImageFont.load_default(size)
    while size > 6 and pen.textlength(text, font) > width:
        size -= 1
        font = ImageFont.load_default(size)
    box = (width / 2, height / 2)
    pen.text(box, text, fill=128, font=font, anchor="mm", stroke_width=max(1, size // 8))
    pen.text(box, text, fill=255, font=font, anchor="mm")
    return np.asarray(stencil)
