"""uniform: frames of one colour, as a VAE gives that has lost its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView

SHARE = 0.25
"""Of the frames: so many of one colour are bad, and no fewer than two, where there are two. A fade has fewer."""


class Uniform:
    """The spread of colour that 0.25 of the frames stay below."""

    name: ClassVar[str] = "uniform"
    bad: ClassVar[Bad] = Bad.BELOW
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._spreads: list[float] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._spreads.append(view.spread)

    def number(self) -> float | None:
        """Returns the standard deviation within a frame, 0 to 127.5; None without frames."""
        count = len(self._spreads)
        place = min(count - 1, max(1, int(count * SHARE)))
        return sorted(self._spreads)[place] if count else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"the frames are one plain colour (it varies by {number:.2f} of 255 within a frame)"
