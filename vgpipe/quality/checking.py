"""Measures the frames of a clip for the checks, and judges the numbers by their limits.

Numbers are facts and are kept; limits are the config's, so numbers can be judged again without the frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vgpipe.quality.base import Bad, Check, Expected, Limit
from vgpipe.quality.registry import CHECKS, new_checks
from vgpipe.quality.sound_checks import SOUND_CHECKS
from vgpipe.quality.verdict import Result, Verdict

if TYPE_CHECKING:
    import numpy as np

    from vgpipe.quality.frame_view import FrameView

__all__ = ["Expected", "FrameChecks", "judge"]
DIGITS = 5


class FrameChecks:
    """Measures the frames of one clip, or of one segment, as they are added; holds at most two of them.

    Args:
        fps: frames per second.
        expected: what was asked for; None where that is not known.
    """

    def __init__(self, fps: float, expected: Expected | None = None):
        self._checks: tuple[Check, ...] = new_checks(fps, expected)
        self._previous: FrameView | None = None
        self._count = 0

    def add(self, frame_HWC: np.ndarray) -> None:
        """Measures the next frame, (H, W, 3) uint8."""
        from vgpipe.quality.frame_view import FrameView

        view = FrameView(frame_HWC, self._count, self._previous)
        for check in self._checks:
            check.add(view)
        view.previous = None  # or every frame would be held
        self._previous, self._count = view, self._count + 1

    def numbers(self) -> dict[str, float]:
        """Returns check -> what it measured; without those for which there are too few frames."""
        found = ((check.name, check.number()) for check in self._checks)
        return {name: round(number, DIGITS) for name, number in found if number is not None}


def judge(
    numbers: Mapping[str, float], settings: Mapping[str, Limit], *, is_canary: bool, wants_stillness: bool
) -> tuple[Verdict, ...]:
    """Judges what was measured of a clip.

    Args:
        numbers: what `FrameChecks.numbers` gave, now or in an older version; unknown names are left out.
        settings: check -> its limit; a check without one is off (`ChecksConfig.limits`).
        is_canary: whether the clip was denoised in few steps, so that only checks hold that say so.
        wants_stillness: whether the prompt asks for a still picture.

    Returns:
        One verdict for each check that has a number and a limit, in the order of the registry.
    """
    return tuple(_verdicts(numbers, settings, is_canary, wants_stillness))


def _verdicts(
    numbers: Mapping[str, float], settings: Mapping[str, Limit], is_canary: bool, wants_stillness: bool
) -> Iterator[Verdict]:
    for check in (*CHECKS, *SOUND_CHECKS):
        limit = settings.get(check.name)
        if limit is None or check.name not in numbers:
            continue
        if (is_canary and not limit.canary) or (wants_stillness and check.expects_motion):
            continue
        number = numbers[check.name]
        yield verdict_of(check.name, number, limit, check.bad, check.says(number))


def verdict_of(check: str, number: float, limit: Limit, bad: Bad, says: str) -> Verdict:
    """Judges one number.

    Args:
        check: its name in the config group `checks`.
        number: what was measured.
        limit: the last good number, and what one beyond it does.
        bad: on which side of it numbers are bad.
        says: a sentence for the case that this one is.
    """
    if not bad.beyond(number, limit.limit):
        return Verdict(check, number, limit.limit, Result.PASSED)
    return Verdict(check, number, limit.limit, Result.WARNED if limit.action == "warn" else Result.FAILED, says)
