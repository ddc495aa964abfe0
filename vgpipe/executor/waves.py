"""Which clips go through all stages together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from vgpipe.clips.clip_state import ClipWork
from vgpipe.job.clip import Clip
from vgpipe.stages.keys import ClipKeys

UNMEASURED_WAVE = 4


def canaries(pending: Iterable[ClipWork], steps: int, keys_of: Callable[[Clip], ClipKeys]) -> list[ClipWork]:
    """Returns one cheap stand-in for each shape that at least two pending clips share.

    A shape with a single clip needs none: that clip shows as early what cannot be done.

    Args:
        pending: clips still to make.
        steps: denoising steps of a canary.
        keys_of: makes the keys of a clip.
    """
    by_shape: dict[tuple[str, int, int, int, bool], list[ClipWork]] = {}
    for work in pending:
        by_shape.setdefault(work.shape, []).append(work)
    return [_canary(works[0].clip, steps, keys_of) for works in by_shape.values() if len(works) > 1]


def _canary(clip: Clip, steps: int, keys_of: Callable[[Clip], ClipKeys]) -> ClipWork:
    kind = "-from-image" if clip.image else ""
    name = f"canary-{clip.width}x{clip.height}x{clip.num_frames}{kind}"
    stand_in = replace(clip, id=name, num_inference_steps=min(steps, clip.num_inference_steps))
    return ClipWork(stand_in, keys_of(stand_in), stands_for_steps=clip.num_inference_steps)


def wave_size(load_s: float, clip_s: float | None, load_share: float) -> int:
    """Returns how many clips a wave needs so that loading takes at most `load_share` of it.

    Args:
        load_s: seconds to load all components once; 0 where they stay loaded.
        clip_s: seconds of a clip's own work; None where none was measured yet.
        load_share: of the wave's time, over 0 to 1.
    """
    if clip_s is None or clip_s <= 0:
        return UNMEASURED_WAVE
    return max(1, math.ceil(load_s * (1 - load_share) / (load_share * clip_s)))


def waves(pending: list[ClipWork], size: Callable[[], int]) -> Iterator[list[ClipWork]]:
    """Cuts the pending clips into waves, asking for the size anew before each.

    Args:
        pending: in job order.
        size: returns how many clips the next wave takes.
    """
    start = 0
    while start < len(pending):
        stop = start + size()
        yield pending[start:stop]
        start = stop


def rows(wave: Sequence[ClipWork]) -> Iterator[list[ClipWork]]:
    """Yields the first segment of every clip, then the second of those that have one, and so on.

    Of a clip that is cut anew meanwhile the old ones are yielded; the new ones are for another wave.
    """
    clips = [work.segments for work in wave]
    for index in range(max(map(len, clips), default=0)):
        yield [segments[index] for segments in clips if index < len(segments)]
