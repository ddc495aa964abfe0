"""Draws a text over frames that must not pass for what was asked for."""

from __future__ import annotations

import numpy as np

INK, PAPER = 255, 0


def watermarked(frames_THWC: np.ndarray, text: str) -> np.ndarray:
    """Returns a copy of the frames with a text across each, readable on any background.

    Args:
        frames_THWC: uint8.
        text: a word or two.

    Returns:
        (T, H, W, 3) uint8.
    """
    from PIL import Image, ImageDraw, ImageFont

    height, width = frames_THWC.shape[1:3]
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
    drawn_HW = np.asarray(stencil)
    marked = frames_THWC.copy()
    marked[:, drawn_HW > 0] = PAPER
    marked[:, drawn_HW > 160] = INK
    return marked
