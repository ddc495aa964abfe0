"""uniform: frames of one colour, as a VAE gives that has lost its weights or its input."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView


class Uniform:
    """The median over the frames of their spread: half of a clip of one colour is bad, a fade is not."""

    name: ClassVar[str] = "uniform"
    bad: ClassVar[Literal["above", "below"]] = "below"
    expects_motion: ClassVar[bool] = False

    def __init__(self) -> None:
        self._spreads: list[float] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._spreads.append(view.spread)

    def number(self) -> float | None:
        """Returns the standard deviation within a frame, 0 to 127.5; None without frames."""
        return median(self._spreads) if self._spreads else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"every frame is one colour: brightness varies by {number:.2f} of 255 within a frame"
