"""clipped: colours at the limits of their range, as an output gives that is many times too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView

NEAR = 12.0
"""From 0 and 255; H.264 moves saturated colours by as much."""
LEAST_COLOURED = 0.005
"""Share of pixels; below it the frame is a drawing in black and white."""


class Clipped:
    """The share of pixels whose red, green and blue are all at a limit, where some of them are coloured."""

    name: ClassVar[str] = "clipped"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._share: float | None = None

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        is_high = view.thumb >= 255 - NEAR
        is_clipped = (is_high | (view.thumb <= NEAR)).all(-1)
        is_coloured = is_clipped & (is_high.any(-1) != is_high.all(-1))
        share = float(is_clipped.mean()) if float(is_coloured.mean()) >= LEAST_COLOURED else 0.0
        self._share = max(self._share or 0.0, share)

    def number(self) -> float | None:
        """Returns the share in the frame that has most, 0 to 1; 0 in black and white alone; None without frames."""
        return self._share

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"up to {number:.0%} of a frame is saturated: the picture is posterised to pure colours"
