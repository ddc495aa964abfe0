"""The sound of a clip or of one of its segments.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 192_000


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples and their rate.

    Attributes:
        samples_SC: float32, (samples, channels), full scale at -1 and 1; what exceeds that is clipped when it is
            played.
        sample_rate_hz: samples a second.
    """

    samples_SC: np.ndarray  # noqa: N815 (a shape)
    sample_rate_hz: int

    @property
    def channels(self) -> int:
        """How many channels it has."""
        return int(self.samples_SC.shape[1])


def sample_at(frame: int, fps: float, sample_rate_hz: int) -> int:
    """Returns the sample at which a frame begins, rounded to the nearest; exact for the rates that exporters write.

    Args:
        frame: its index.
        fps: frames per second.
        sample_rate_hz: samples a second.
    """
    return round(frame * sample_rate_hz / Fraction(fps).limit_denominator(1001))
