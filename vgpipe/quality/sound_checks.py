"""The checks of a model's sound: samples in, one number out, and a sentence where the number passes its limit.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from vgpipe.quality.base import Bad

if TYPE_CHECKING:
    import numpy as np

DIGITS = 5
FULL_SCALE = 0.9999
"""Of the largest value that a player has; a deep tone at full scale is above it for 0.9% of the time."""
RUN = 3
"""Samples of one channel at full scale, one after another, from which on they are a flat top rather than a peak."""


class Silence:
    """The largest magnitude, of full scale: a vocoder that has lost its weights gives none."""

    name: ClassVar[str] = "silence"
    bad: ClassVar[Bad] = Bad.BELOW
    expects_motion: ClassVar[bool] = False

    @staticmethod
    def number(samples_SC: np.ndarray) -> float | None:
        """Returns the largest magnitude, 1 for full scale; None without samples."""
        import numpy as np

        return float(np.abs(samples_SC).max()) if samples_SC.size else None

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too small."""
        return f"the sound is silent: it reaches {number:.2%} of full scale"


class SoundClipped:
    """The share of samples that are cut off at full scale, as sound has that is too loud."""

    name: ClassVar[str] = "sound_clipped"
    bad: ClassVar[Bad] = Bad.ABOVE
    expects_motion: ClassVar[bool] = False

    @staticmethod
    def number(samples_SC: np.ndarray) -> float | None:
        """Returns the share in flat tops of at least 3 samples, 0 to 1; None without samples."""
        import numpy as np

        if not samples_SC.size:
            return None
        is_full_SC = np.abs(samples_SC) >= FULL_SCALE
        if not is_full_SC.any():
            return 0.0
        edges_EC = np.diff(np.pad(is_full_SC, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
        lengths = np.flatnonzero(edges_EC.ravel() < 0) - np.flatnonzero(edges_EC.ravel() > 0)
        return float(lengths[lengths >= RUN].sum()) / samples_SC.size

    @staticmethod
    def says(number: float) -> str:
        """Returns a sentence on a number that is too large."""
        return f"{number:.1%} of the sound is cut off at full scale: it is distorted"


SOUND_CHECKS: Final = (Silence, SoundClipped)
SOUND_NAMES: Final = tuple(check.name for check in SOUND_CHECKS)


def sound_numbers(samples_SC: np.ndarray) -> dict[str, float]:
    """Returns check -> what it measured of a sound.

    Args:
        samples_SC: float32, full scale at -1 and 1.
    """
    found = ((check.name, check.number(samples_SC)) for check in SOUND_CHECKS)
    return {name: round(number, DIGITS) for name, number in found if number is not None}
