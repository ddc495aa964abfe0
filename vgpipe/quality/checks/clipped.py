"""clipped: colours at the limits of their range, as an output gives that is many times too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView

NEAR = 14.0
"""From 0 and 255; H.264 moves saturated colours by as much."""
LEAST_COLOURED = 0.005
"""Share of pixels; below it the frame is a drawing in black and white."""


LEAST_SHARE = 0.5
"""Below it, steep edges are the picture's own, and are not counted."""
STEEP = 48.0
"""Of 255: the least step on the way from one limit to another."""


class Clipped:
    """The share of pixels whose red, green and blue are all at a limit, or that lie on the edge between such pixels."""

    name: ClassVar[str] = "clipped"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._share: float | None = None

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._share = max(self._share or 0.0, _share(view.thumb))

    def number(self) -> float | None:
        """Returns the share in the frame that has most, 0 to 1; 0 in black and white alone; None without frames."""
        return self._share

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"up to {number:.0%} of a frame is saturated: the picture is posterised to pure colours"


def _share(frame_HWC: np.ndarray) -> float:
    import numpy as np

    is_high = frame_HWC >= 255 - NEAR
    is_clipped: np.ndarray = np.logical_and.reduce(is_high | (frame_HWC <= NEAR), axis=-1)
    is_coloured = is_clipped & (is_high.any(-1) != is_high.all(-1))
    if float(is_coloured.mean()) < LEAST_COLOURED:
        return 0.0
    if float(is_clipped.mean()) < LEAST_SHARE:
        return float(is_clipped.mean())
    across = np.abs(np.diff(frame_HWC, axis=1)).max(-1) >= STEEP
    down = np.abs(np.diff(frame_HWC, axis=0)).max(-1) >= STEEP
    is_clipped[:, 1:] |= across
    is_clipped[:, :-1] |= across
    is_clipped[1:] |= down
    is_clipped[:-1] |= down
    return float(is_clipped.mean())
