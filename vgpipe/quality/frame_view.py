"""What the checks look at in a frame, each part computed once.

Shape suffixes: H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from vgpipe.quality.measures import LUMA_C


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
    def luma(self) -> np.ndarray:
        """Brightness, (H, W) float32, 0 to 255."""
        return np.asarray(self.frame_HWC, np.float32) @ np.asarray(LUMA_C, np.float32)

    @cached_property
    def spread(self) -> float:
        """Standard deviation within the frame of the colour channel that has the largest, 0 to 127.5."""
        return float(self.frame_HWC.std(axis=(0, 1)).max())

    @cached_property
    def change(self) -> float:
        """Mean absolute difference of luma to the frame before; 0 for the first."""
        if self.previous is None:
            return 0.0
        return float(np.abs(self.luma - self.previous.luma).mean())
