"""Clips made smaller where even the last step of the memory ladder does not fit, and `run.degrade=any` allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vgpipe.clips.clip_state import SegmentState, Shape
from vgpipe.clips.degradation import SIZE, Degradation
from vgpipe.fallback.context import LadderContext
from vgpipe.fallback.wording import describe_size
from vgpipe.job.clip import Clip
from vgpipe.job.resized import resized
from vgpipe.job.rules import ShapeRules
from vgpipe.job.segment import WINDOW
from vgpipe.vocabulary import ANY

SHARE = 0.75
"""Share of the frames, or of each side, that the next smaller clip has."""


class ClipSizes:
    """Remembers which shapes were too large for which stage.

    Args:
        context: what the memory ladder works on.
        warn: called with each degradation.
    """

    def __init__(self, context: LadderContext, warn: Callable[[Degradation], None]):
        self._context, self._warn = context, warn
        self._too_large: dict[tuple[str, Shape], str] = {}

    def shrink(self, segment: SegmentState, stage: str, reason: str) -> bool:
        """Makes the clip of a segment that did not fit a stage smaller, and remembers its shape.

        Returns:
            Whether it could; False at the smallest size, or where `run.degrade` does not allow it.
        """
        shape = segment.shape
        if not self._make_smaller(segment, reason):
            return False
        self._too_large[stage, shape] = reason
        return True

    def apply(self, segment: SegmentState, stages: Sequence[str]) -> None:
        """Spares a clip the sizes that were too large for the stages it still has to go through.

        Args:
            segment: a segment of the clip; an orphan after this where the clip is split into other segments.
            stages: those that are still to be done.
        """
        for stage in stages:
            while (reason := self._too_large.get((stage, segment.shape))) and self._make_smaller(segment, reason):
                if segment.is_orphan:
                    return

    def _make_smaller(self, segment: SegmentState, reason: str) -> bool:
        config, state = self._context.config, segment.parent
        if config.run.degrade != ANY:
            return False
        floor = config.hardware.floor
        less = smaller(state.clip, config.model.rules, floor_num_frames=floor.num_frames, floor_side=floor.side)
        if less is None:
            return False
        self._context.resize(state, less)
        degradation = Degradation(SIZE, describe_size(state.requested), describe_size(less), reason)
        state.degrade(degradation)
        self._warn(degradation)
        return True


def smaller(clip: Clip, rules: ShapeRules, *, floor_num_frames: int, floor_side: int) -> Clip | None:
    """Returns the clip with fewer frames or, at the least number of them, with fewer pixels; None at the floor.

    A clip that is made in segments keeps its length: its segments get shorter.

    Args:
        clip: what did not fit.
        rules: what the model can make.
        floor_num_frames: fewer frames than that are never made.
        floor_side: the shorter side is never made shorter than that, pixels.
    """
    shorter = _shorter if clip.continuation is None else _in_shorter_segments
    return shorter(clip, rules, floor_num_frames) or _narrower(clip, rules, floor_side)


def _shorter(clip: Clip, rules: ShapeRules, floor: int) -> Clip | None:
    steps = int((clip.num_frames * SHARE - rules.smallest_num_frames) // rules.frames_step)
    fewer = rules.smallest_num_frames + max(steps, 0) * rules.frames_step
    return (
        resized(clip, width=clip.width, height=clip.height, num_frames=fewer)
        if floor <= fewer < clip.num_frames
        else None
    )


def _in_shorter_segments(clip: Clip, rules: ShapeRules, floor: int) -> Clip | None:
    how = clip.continuation
    if how is None:
        return None
    steps = int((how.segment_num_frames * SHARE - how.frames_offset) // how.frames_step)
    fewer = how.frames_offset + max(steps, 0) * how.frames_step
    # Neighbouring windows share half of themselves at most; a segment must bring more than it shares.
    half = fewer // 2 // how.frames_step * how.frames_step
    overlap = min(how.overlap_num_frames, half) if how.method == WINDOW else how.overlap_num_frames
    least = max(floor, how.min_segment_num_frames, overlap + 1)
    if not (least <= fewer < how.segment_num_frames and overlap):
        return None
    return replace(clip, continuation=replace(how, segment_num_frames=fewer, overlap_num_frames=overlap))


def _narrower(clip: Clip, rules: ShapeRules, floor: int) -> Clip | None:
    sides = [int(side * SHARE) // rules.side_multiple * rules.side_multiple for side in (clip.width, clip.height)]
    if min(sides) < max(floor, rules.smallest_side):
        return None
    return resized(clip, width=sides[0], height=sides[1], num_frames=clip.num_frames)
