"""The frames of a clip for an exporter, one by one, across its segments.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Frames(Protocol):
    """A video's frames, (T, H, W, 3) uint8: an array, or an object that reads them one by one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T, H, W, 3."""
        ...

    def __iter__(self) -> Iterator[np.ndarray]: ...


class Sliceable(Protocol):
    """Frames of which a range can be read: an array, or an object that reads them one by one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T, H, W, 3."""
        ...

    def __getitem__(self, wanted: slice, /) -> Iterable[np.ndarray]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a segment's frames.

    Attributes:
        open: returns what reads the frames of the segment, (T, H, W, 3) uint8.
        start: index of the first frame.
        stop: index after the last frame.
    """

    open: Callable[[], Sliceable]
    start: int
    stop: int


class JoinedFrames:
    """A video whose segments are separate files, read frame by frame to save memory.

    Args:
        spans: in order; not empty.
        change: applied to each frame (H, W, 3); None leaves frames as they are.
    """

    def __init__(self, spans: Sequence[Span], change: Callable[[np.ndarray], np.ndarray] | None = None):
        self._spans, self._change = spans, change
        height, width, colours = spans[0].open().shape[1:]
        self.shape = (sum(span.stop - span.start for span in spans), height, width, colours)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        for span in self._spans:
            for frame_HWC in span.open()[span.start : span.stop]:
                yield frame_HWC if self._change is None else self._change(np.asarray(frame_HWC))
