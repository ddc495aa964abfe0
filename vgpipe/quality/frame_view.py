"""What the checks look at in a frame, each part computed once; large frames are sampled.

Shape suffixes: H height, W width, C colour (red, green, blue), P and Q rows and columns of a coarse grid.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from vgpipe.quality.measures import LUMA_C

THUMB, CELL, GRID, PATCH, LINES = 64, 8, 16, 128, 64


class FrameView:
    """A frame and the one before it.

    Args:
        frame_HWC: the frame, uint8.
        index: its place in the clip, from 0.
        previous: the view of the frame before; None for the first.
    """

    def __init__(self, frame_HWC: np.ndarray, index: int, previous: FrameView | None):
        self.frame_HWC, self.index, self.previous = frame_HWC, index, previous

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.frame_HWC.shape[1], self.frame_HWC.shape[0]

    @cached_property
    def thumb(self) -> np.ndarray:
        """Every n-th pixel of the frame, (H, W, 3) float32: at least 64 on the short side, where there are as many."""
        step = max(1, min(self.size) // THUMB)
        return np.asarray(self.frame_HWC[::step, ::step], np.float32)

    @cached_property
    def thumb_luma(self) -> np.ndarray:
        """Brightness of `thumb`, (H, W), 0 to 255."""
        return _luma(self.thumb)

    @cached_property
    def cells(self) -> np.ndarray:
        """Means of squares of 8 by 8 pixels of the frame, (P, Q, 3); of large frames every second pixel, or fourth."""
        step = next((step for step, side in ((1, 256), (2, 1024)) if min(self.size) < side), 4)
        sampled_HWC = np.asarray(self.frame_HWC[::step, ::step], np.float32)
        rows, columns = (max(1, side * step // CELL) for side in sampled_HWC.shape[:2])
        return block_means(sampled_HWC, rows, columns)

    @cached_property
    def signature(self) -> np.ndarray:
        """Mean brightness on a grid of at most 16 by 16, (P, Q)."""
        rows, columns = (min(GRID, side) for side in self.thumb_luma.shape)
        return block_means(self.thumb_luma[..., None], rows, columns)[..., 0]

    @cached_property
    def means(self) -> np.ndarray:
        """Mean of each colour channel, (3,), of twice the rows of `thumb`, which could fall between lines of text."""
        step = max(1, min(self.size) // THUMB // 2)
        found: np.ndarray = self.frame_HWC[::step, ::step].mean((0, 1))
        return found

    @cached_property
    def spread(self) -> float:
        """Standard deviation within the frame of the colour channel that has the largest, 0 to 127.5."""
        return float(self.thumb.std((0, 1)).max())

    @cached_property
    def patch(self) -> np.ndarray:
        """Brightness of the middle of the frame, at most 128 pixels a side and none left out, (H, W)."""
        top, left = (max(0, (side - PATCH) // 2) for side in self.frame_HWC.shape[:2])
        return _luma(np.asarray(self.frame_HWC[top : top + PATCH, left : left + PATCH], np.float32))

    def lines(self, axis: int) -> np.ndarray:
        """Returns the brightness of some 64 rows (axis 0) or columns (axis 1) in full length, along the last axis."""
        step = max(1, self.frame_HWC.shape[axis] // LINES)
        if axis == 0:
            return _luma(np.asarray(self.frame_HWC[::step], np.float32))
        return _luma(np.asarray(self.frame_HWC[:, ::step].swapaxes(0, 1), np.float32))


def block_means(image_HWC: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Returns the means of a grid of blocks, (rows, columns, C); what does not fill a block is left out."""
    high, wide = image_HWC.shape[0] // rows, image_HWC.shape[1] // columns
    whole_HWC = image_HWC[: rows * high, : columns * wide]
    means: np.ndarray = whole_HWC.reshape(rows, high, columns, wide, -1).mean((1, 3))
    return means


def _luma(frame_HWC: np.ndarray) -> np.ndarray:
    return frame_HWC @ np.asarray(LUMA_C, np.float32)
