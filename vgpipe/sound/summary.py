"""What a finished file's sound looks like: its length, its level, and peaks to draw it by.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PEAKS = 160
"""How many bars a waveform has, at most."""
FULL_SCALE = 100


def summary_of(blocks: Iterable[np.ndarray], *, samples: int, sample_rate_hz: int, channels: int) -> dict[str, Any]:
    """Returns what a record says of a sound, as plain values; holds no more than one block.

    Args:
        blocks: (S, C) float32, full scale at -1 and 1.
        samples: of all blocks.
        sample_rate_hz: samples a second.
        channels: of every block.

    Returns:
        `sample_rate_hz`, `channels`, `seconds`, `peak` (of full scale), and `peaks`: the largest magnitude within each
        of equally long parts, in hundredths of full scale, at most 100.
    """
    import numpy as np

    count = max(1, min(PEAKS, samples))
    highest = np.zeros(count)
    done = 0
    for block_SC in blocks:
        if not len(block_SC):
            continue
        loud_S = np.abs(block_SC).max(axis=1)
        part_S = (done + np.arange(len(loud_S))) * count // max(1, samples)
        starts = np.flatnonzero(np.diff(part_S, prepend=-1))
        np.maximum.at(highest, part_S[starts].clip(0, count - 1), np.maximum.reduceat(loud_S, starts))
        done += len(loud_S)
    return {
        "sample_rate_hz": sample_rate_hz,
        "channels": channels,
        "seconds": round(samples / sample_rate_hz, 6),
        "peak": round(float(highest.max()), 4),
        "peaks": [int(one) for one in (highest.clip(0, 1) * FULL_SCALE).round()],
    }
