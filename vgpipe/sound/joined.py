"""The sound of a clip whose segments have theirs in separate files: faded over into each other at the seams.

Neighbouring segments show the same moments in the frames that they share, and both have sound for them. Over these the
sound of the one fades into that of the other, with gains by which their joint power stays the same: straight lines
where both are alike, as pieces of one trajectory are, and equal power where they are strangers. Where nothing is
shared, at a cut, each is faded for a few milliseconds, since a step between unrelated samples clicks.

Shape suffixes: S samples, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgpipe.sound.record import Sound, sample_at
from vgpipe.sound.track import exactly, fade_samples, faded_out

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Part of the store keys of files with a model's sound: goes up where joining gives other samples."""


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """The sound of one segment, and its place.

    Attributes:
        open: returns its sound; None where it has none.
        first_frame: where in the clip its first sample lies; of a later segment, before its first own frame.
        frames: how many frames its sound is for.
        shared: how many of its first frames the segment before has too; 0 where it continues none.
    """

    open: Callable[[], Sound | None]
    first_frame: int
    frames: int
    shared: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Samples and their place in the clip."""

    samples_SC: np.ndarray  # noqa: N815 (a shape)
    begin: int

    @property
    def end(self) -> int:
        return self.begin + len(self.samples_SC)

    def between(self, begin: int, end: int) -> np.ndarray:
        return self.samples_SC[max(0, begin - self.begin) : max(0, end - self.begin)]


class JoinedSound:
    """A track of several segments, read one after another to save memory.

    Args:
        spans: in order; not empty.
        fps: frames per second.
    """

    def __init__(self, spans: Sequence[SoundSpan], fps: float):
        self._spans, self._fps = tuple(spans), fps
        first = next((sound for sound in (span.open() for span in self._spans) if sound is not None), None)
        if first is None:
            raise ValueError("none of the segments has sound")
        self.sample_rate_hz, self.channels = first.sample_rate_hz, first.channels

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields blocks (S, C) float32; nothing that lies after the last segment's sound."""
        previous, done = self._piece(self._spans[0]), 0
        for span in self._spans[1:]:
            piece = self._piece(span)
            shared_end = sample_at(span.first_frame + span.shared, self._fps, self.sample_rate_hz)
            begin, end = max(piece.begin, done), min(shared_end, previous.end, piece.end)
            if span.shared and end > begin:
                yield previous.between(done, begin)
                yield _faded_over(previous.between(begin, end), piece.between(begin, end))
                done = end
            else:
                boundary = max(done, shared_end)
                yield from self._until_cut(previous, done, boundary)
                piece, done = self._after_cut(piece, boundary), boundary
            previous = piece
        yield previous.between(done, previous.end)

    def _piece(self, span: SoundSpan) -> _Piece:
        import numpy as np

        begin, end = (
            sample_at(frame, self._fps, self.sample_rate_hz)
            for frame in (span.first_frame, span.first_frame + span.frames)
        )
        sound = span.open()
        if sound is None:
            return _Piece(np.zeros((end - begin, self.channels), np.float32), begin)
        if (sound.sample_rate_hz, sound.channels) != (self.sample_rate_hz, self.channels):
            raise ValueError("the segments have sound of different rates or channels")
        return _Piece(sound.samples_SC[: end - begin], begin)

    def _until_cut(self, previous: _Piece, done: int, boundary: int) -> Iterator[np.ndarray]:
        """Yields a segment's samples up to a cut, faded out there."""
        whole_SC = previous.between(done, boundary)
        fade = min(fade_samples(self.sample_rate_hz), len(whole_SC))
        if previous.end < boundary:
            yield from exactly([whole_SC], boundary - done, self.sample_rate_hz, self.channels)
            return
        yield whole_SC[: len(whole_SC) - fade]
        yield faded_out(whole_SC[len(whole_SC) - fade :])

    def _after_cut(self, piece: _Piece, boundary: int) -> _Piece:
        """Returns a segment's samples from a cut on, faded in there."""
        import numpy as np

        own_SC = piece.between(boundary, piece.end)
        fade = min(fade_samples(self.sample_rate_hz), len(own_SC))
        begun_SC = faded_out(own_SC[:fade][::-1])[::-1]
        return _Piece(np.concatenate([begun_SC, own_SC[fade:]]), boundary)


def _faded_over(before_SC: np.ndarray, after_SC: np.ndarray) -> np.ndarray:
    """Fades from one sound to another of the same moments; at every sample the gains keep the power of both."""
    import numpy as np

    count = len(after_SC)
    rise_S1 = (np.arange(1, count + 1, dtype=np.float64) / (count + 1))[:, None]
    both = 2 * _likeness(before_SC, after_SC) * rise_S1 * (1 - rise_S1)
    power_S1 = np.sqrt((1 - rise_S1) ** 2 + rise_S1**2 + both)
    mixed_SC = (before_SC * (1 - rise_S1) + after_SC * rise_S1) / power_S1
    return mixed_SC.astype(np.float32)


def _likeness(before_SC: np.ndarray, after_SC: np.ndarray) -> float:
    """Returns the correlation of two sounds, 0 to 1; 0 where one is silent or they are opposites."""
    import numpy as np

    one, other = before_SC.astype(np.float64), after_SC.astype(np.float64)
    power = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return max(0.0, float((one * other).sum()) / power) if power > 0 else 0.0
