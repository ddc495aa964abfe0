"""A sound that is read block by block, and its length made that of a video.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

DECLICK_S = 0.005
"""Seconds over which sound is faded where it ends or begins beside silence or unrelated sound."""


class Track(Protocol):
    """A sound, read block by block, as often as needed."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples a second."""
        ...

    @property
    def channels(self) -> int:
        """How many channels each block has."""
        ...

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields blocks (S, C) float32, full scale at -1 and 1, in order."""
        ...


def fitted(track: Track, samples: int) -> Iterator[np.ndarray]:
    """Yields the blocks of a track, cut after a number of samples, or followed by silence up to it.

    Loudness stays; only the last milliseconds before added silence are faded out, since a step down to silence clicks.

    Args:
        track: the sound.
        samples: how many are yielded.
    """
    yield from exactly(track, samples, track.sample_rate_hz, track.channels)


def exactly(blocks: Iterable[np.ndarray], samples: int, sample_rate_hz: int, channels: int) -> Iterator[np.ndarray]:
    """Yields blocks, cut after a number of samples, or faded out and followed by silence up to it.

    Args:
        blocks: (S, C) float32.
        samples: how many are yielded.
        sample_rate_hz: samples a second.
        channels: of silence, where there is no block.
    """
    import numpy as np

    done, held_SC = 0, np.zeros((0, channels), np.float32)
    fade = fade_samples(sample_rate_hz)
    for block_SC in blocks:
        # The last samples are held back, as only the end of the blocks says whether they are faded.
        known_SC = np.concatenate([held_SC, block_SC[: samples - done - len(held_SC)]])
        if done + len(known_SC) >= samples:
            yield known_SC
            return
        keep = max(0, len(known_SC) - fade)
        held_SC = known_SC[keep:]
        done += keep
        yield known_SC[:keep]
    held_SC = faded_out(held_SC)
    yield held_SC
    left = samples - done - len(held_SC)
    while left > 0:  # hours of silence are not held at once
        size = min(left, sample_rate_hz)
        yield np.zeros((size, channels), np.float32)
        left -= size


def fade_samples(sample_rate_hz: int) -> int:
    """Returns how many samples a fade has that keeps an edge from clicking."""
    return max(1, round(DECLICK_S * sample_rate_hz))


def faded_out(samples_SC: np.ndarray) -> np.ndarray:
    """Returns samples that fall to silence in a straight line."""
    import numpy as np

    weights_S1 = (1 - np.arange(1, len(samples_SC) + 1, dtype=np.float32) / (len(samples_SC) + 1))[:, None]
    return samples_SC * weights_S1
