"""frame_size: frames of another size than was asked for, or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView


class FrameSize:
    """By how many pixels the sides of the frames are off."""

    name: ClassVar[str] = "frame_size"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._expected = wanted.size
        self._off: float | None = None

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        if self._expected is not None:
            width, height = view.size
            off = abs(width - self._expected.width) + abs(height - self._expected.height)
            self._off = max(self._off or 0.0, float(off))

    def number(self) -> float | None:
        """Returns the most that width and height of a frame are off, pixels; None where it is not known."""
        return self._off

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"width and height of the frames are off by {number:.0f} pixels"
