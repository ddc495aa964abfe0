"""strobing: brightness or colour that jumps back and forth from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    from vgpipe.quality.frame_view import FrameView

LEAST_FRAMES, LEAST_FPS, SHARE = 8, 6, 1 / 3
"""A third of the frames must turn back: every second, third, fourth or fifth frame that differs makes as many."""
SWINGS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0)


class Strobing:
    """The largest swing of a colour channel's mean that a third of the frames turn back from."""

    name: ClassVar[str] = "strobing"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    def __init__(self, wanted: Wanted) -> None:
        self._is_film = wanted.fps >= LEAST_FPS
        self._means: list[list[float]] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._means.append([float(mean) for mean in view.means])

    def number(self) -> float | None:
        """Returns the swing, 0 to 255, in the steps of `SWINGS`; None below 8 frames, and where pictures
        follow each other too slowly to flicker.
        """
        count = len(self._means)
        if count < LEAST_FRAMES or not self._is_film:
            return None
        channels = [list(channel) for channel in zip(*self._means, strict=True)]
        swings = (swing for swing in reversed(SWINGS) if max(turns(one, swing) for one in channels) >= SHARE * count)
        return next(swings, 0.0)

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"the picture flickers (brightness jumps back and forth by {number:.0f} of 255 or more)"


def turns(values: Sequence[float], swing: float) -> int:
    """Returns how often values turn back after they went one way by at least `swing`."""
    found, extreme, direction = 0, values[0], 0
    for value in values[1:]:
        if (value - extreme) * direction >= 0 and direction:
            extreme = value
        elif abs(value - extreme) >= swing:
            found += 1 if direction else 0
            extreme, direction = value, 1 if value > extreme else -1
    return found
