"""frozen: nothing moves in a clip whose prompt does not ask for a still picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView


class Frozen:
    """How far any part of the picture gets from what it was in the first frame."""

    name: ClassVar[str] = "frozen"
    bad: ClassVar[Bad] = Bad.BELOW
    expects_motion: ClassVar[bool] = True

    def __init__(self, wanted: Wanted) -> None:
        self._first: np.ndarray | None = None
        self._furthest: float | None = None

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        if self._first is None:
            self._first = view.signature
        elif self._first.shape == view.signature.shape:
            self._furthest = max(self._furthest or 0.0, float(abs(view.signature - self._first).max()))

    def number(self) -> float | None:
        """Returns the largest change of brightness of a part of the frame, 0 to 255; None below two frames."""
        return self._furthest

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"nothing moves (no part of the picture changes by more than {number:.2f} of 255)"
