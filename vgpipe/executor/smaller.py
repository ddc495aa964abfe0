"""The next smaller clip, where even the last rung does not fit and `run.degrade=any` allows it."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.job.clip import Clip
from vgpipe.job.continuations import WINDOW
from vgpipe.job.rules import ShapeRules

SHARE = 0.75


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
    return replace(clip, num_frames=fewer) if floor <= fewer < clip.num_frames else None


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
    return replace(clip, width=sides[0], height=sides[1])
