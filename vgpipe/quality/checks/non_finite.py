"""non_finite: frames that are black all of a sudden, as a NaN or an overflow leaves them in 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView

BLACK, LEAST_FRAMES = 4.0, 6
"""The brightest that a black pixel may be; H.264 leaves 0 as up to 3. Of few frames one may be part of a fade."""


class NonFinite:
    """The share of frames that are entirely black in a clip that is not."""

    name: ClassVar[str] = "non_finite"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._is_black: list[bool] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._is_black.append(float(view.thumb.max()) <= BLACK)

    def number(self) -> float | None:
        """Returns the share of black frames, 0 to 1; None below 6 frames."""
        count = len(self._is_black)
        return sum(self._is_black) / count if count >= LEAST_FRAMES else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"{number:.0%} of the frames are black, as values that are no numbers (NaN) become"
