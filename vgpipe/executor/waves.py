"""Which clips go through all stages together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState, Shape

UNMEASURED_WAVE = 4


def startable(states: Iterable[ClipState]) -> list[SegmentState]:
    """Returns the segments that need nothing of a segment before; only these can have a canary."""
    return [segment for state in states for segment in state.segments if segment.previous is None]


def canaries(segments: Iterable[SegmentState], steps: int, keys: ArtifactKeys) -> list[CanaryState]:
    """Returns a clip of a few steps for each shape that at least two segments share.

    A shape with a single segment needs none: its clip shows as early what cannot be done.

    Args:
        segments: those still to make.
        steps: denoising steps of a canary.
        keys: computes store keys.
    """
    by_shape: dict[Shape, list[SegmentState]] = {}
    for segment in segments:
        by_shape.setdefault(segment.shape, []).append(segment)
    return [_canary(shared[0], steps, keys) for shared in by_shape.values() if len(shared) > 1]


def _canary(segment: SegmentState, steps: int, keys: ArtifactKeys) -> CanaryState:
    clip, drafted = segment.clip, segment.parent.draft
    kind = "-from-image" if clip.is_given_frames else ""
    name = f"canary-{clip.width}x{clip.height}x{clip.num_frames}{kind}"
    cheap = replace(clip, id=name, num_inference_steps=min(steps, clip.num_inference_steps))
    return keys.new_canary(cheap, drafted or clip.num_inference_steps)


def wave_size(load_s: float, clip_s: float | None, load_share: float) -> int:
    """Returns how many clips a wave needs so that loading takes at most `load_share` of it.

    Args:
        load_s: seconds to load all components once; 0 where they stay loaded.
        clip_s: seconds of a clip's own work; None before the first measurement.
        load_share: of the wave's time, over 0 to 1.
    """
    if clip_s is None or clip_s <= 0:
        return UNMEASURED_WAVE
    return max(1, math.ceil(load_s * (1 - load_share) / (load_share * clip_s)))


def waves(pending: list[ClipState], size: Callable[[], int]) -> Iterator[list[ClipState]]:
    """Cuts the pending clips into waves.

    Args:
        pending: in job order.
        size: returns how many clips the next wave takes; called before each wave.
    """
    start = 0
    while start < len(pending):
        stop = start + size()
        yield pending[start:stop]
        start = stop


def rows(wave: Sequence[ClipState]) -> Iterator[list[SegmentState]]:
    """Yields the first segment of every clip, then the second of those that have one, and so on.

    Where a clip is split again meanwhile its old segments are yielded; the new ones are for another wave.
    """
    clips = [state.segments for state in wave]
    for index in range(max(map(len, clips), default=0)):
        yield [segments[index] for segments in clips if index < len(segments)]
