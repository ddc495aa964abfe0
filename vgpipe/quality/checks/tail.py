"""tail: the end of a clip stands still although the rest moves, or repeats the part before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vgpipe.quality.base import Bad, Wanted

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView

LEAST_FRAMES, LEAST_PERIOD, MOST_PERIOD = 9, 4, 64
LEAST_MOTION = 1.5
"""Of 255: where the clip moves less, its end looks like the rest."""
SAME, MOST_STILL = 0.5, 2.0
STILL_SHARE, REPEAT_SHARE = 0.12, 0.34
"""Frames are the same where no part differs by more than 0.5 of 255, or than this share of the usual change from frame
to frame: H.264 adds so much. For a picture that stands still that is at most 2."""


class Tail:
    """The share of the clip that is such an end."""

    name: ClassVar[str] = "tail"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = True

    def __init__(self, wanted: Wanted) -> None:
        self._signatures: list[np.ndarray] = []

    def add(self, view: FrameView) -> None:
        """Measures the next frame."""
        self._signatures.append(view.signature)

    def number(self) -> float | None:
        """Returns the share of frames, 0 to 1; None below 9 frames."""
        count = len(self._signatures)
        if count < LEAST_FRAMES or len({one.shape for one in self._signatures}) > 1:
            return None
        return max(self._stuck(), self._repeated()) / count

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"the last {number:.0%} of the clip stand still or repeat what was before"

    def _stuck(self) -> int:
        """Returns how many frames at the end change no more."""
        changes = self._differences(1)
        usual = _usual(changes)
        return _same_at_end(changes, min(STILL_SHARE * usual, MOST_STILL)) if usual >= LEAST_MOTION else 0

    def _repeated(self) -> int:
        """Returns how many frames at the end are those of some frames ago; 0 where the whole clip goes in a circle."""
        count, changes = len(self._signatures), self._differences(1)
        return max((self._repeats(period, changes) for period in range(LEAST_PERIOD, _last_period(count))), default=0)

    def _repeats(self, period: int, changes: list[float]) -> int:
        differences = self._differences(period)
        usual = _usual(changes[-period:])
        length = _same_at_end(differences, REPEAT_SHARE * usual) if usual >= LEAST_MOTION else 0
        return length if period <= length < len(differences) - 1 else 0

    def _differences(self, lag: int) -> list[float]:
        """Returns how far each frame is from the one `lag` frames before, where it differs most."""
        pairs = zip(self._signatures[lag:], self._signatures[:-lag], strict=True)
        return [float(abs(one - other).max()) for one, other in pairs]


def _last_period(count: int) -> int:
    return min(MOST_PERIOD, count // 2) + 1


def _same_at_end(differences: list[float], tolerance: float) -> int:
    """Returns how many of the last differences count as none."""
    limit = max(SAME, tolerance)
    return next((length for length, one in enumerate(reversed(differences)) if one > limit), len(differences))


def _usual(changes: list[float]) -> float:
    """Returns what four of five changes stay below, so that an end of which half stands still is found."""
    return sorted(changes)[int(len(changes) * 0.8)]
