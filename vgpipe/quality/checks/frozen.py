"""frozen: nothing moves in a clip whose prompt does not ask for a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView


class Frozen:
    """The largest change from one frame to the next."""

    name: ClassVar[str] = "frozen"
    bad: ClassVar[Literal["above", "below"]] = "below"
    expects_motion: ClassVar[bool] = True

    def __init__(self) -> None:
        self._changes: list[float] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        if view.previous is not None:
            self._changes.append(view.change)

    def number(self) -> float | None:
        """Returns the mean absolute difference of luma, 0 to 255; None below two frames."""
        return max(self._changes) if self._changes else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"nothing moves: brightness changes by at most {number:.2f} of 255 from frame to frame"
