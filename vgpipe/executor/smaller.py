"""The next smaller clip, where even the last rung does not fit and `run.degrade=any` allows it."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.job.clip import Clip
from vgpipe.job.rules import ShapeRules

SHARE = 0.75


def smaller(clip: Clip, rules: ShapeRules, *, floor_num_frames: int, floor_side: int) -> Clip | None:
    """Returns the clip with fewer frames or, at the least number of them, with fewer pixels; None at the floor.

    Args:
        clip: what did not fit.
        rules: what the model can make.
        floor_num_frames: fewer frames than that are never made.
        floor_side: the shorter side is never made shorter than that, pixels.
    """
    return _shorter(clip, rules, floor_num_frames) or _narrower(clip, rules, floor_side)


def _shorter(clip: Clip, rules: ShapeRules, floor: int) -> Clip | None:
    steps = int((clip.num_frames * SHARE - rules.smallest_num_frames) // rules.frames_step)
    fewer = rules.smallest_num_frames + max(steps, 0) * rules.frames_step
    return replace(clip, num_frames=fewer) if floor <= fewer < clip.num_frames else None


def _narrower(clip: Clip, rules: ShapeRules, floor: int) -> Clip | None:
    sides = [int(side * SHARE) // rules.side_multiple * rules.side_multiple for side in (clip.width, clip.height)]
    if min(sides) < max(floor, rules.smallest_side):
        return None
    return replace(clip, width=sides[0], height=sides[1])
