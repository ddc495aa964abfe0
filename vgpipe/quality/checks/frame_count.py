"""frame_count: a clip that is shorter or longer than was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView


class FrameCount:
    """How many frames are missing or too many."""

    name: ClassVar[str] = "frame_count"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._expected, self._count = wanted.size, 0

    def add(self, view: FrameView) -> None:
        """Counts the next frame."""
        self._count += 1

    def number(self) -> float | None:
        """Returns the difference, frames; None where it is not known what was asked for."""
        return float(abs(self._count - self._expected.num_frames)) if self._expected else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"the number of frames is off by {number:.0f}"
