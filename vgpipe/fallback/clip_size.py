"""Clips made smaller where not even the last rung fits, and `run.degrade=any` allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vgpipe.clips.clip_state import ClipWork, Degradation
from vgpipe.fallback.context import Ground
from vgpipe.fallback.wording import size_of
from vgpipe.job.clip import Clip
from vgpipe.job.rules import ShapeRules
from vgpipe.job.segments import WINDOW

Shape = tuple[str, int, int, int, bool]


class Shrinking:
    """Remembers which shapes were too large for which stage.

    Args:
        ground: what the run's rungs stand on.
        tell: told of each degradation.
    """

    def __init__(self, ground: Ground, tell: Callable[[Degradation], None]):
        self._ground, self._tell = ground, tell
        self._too_large: dict[tuple[str, Shape], str] = {}

    def shrink(self, work: ClipWork, stage: str, reason: str) -> bool:
        """Makes a clip smaller that did not fit a stage, and remembers its shape; says whether it could."""
        shape = work.shape
        if not self._make_smaller(work, reason):
            return False
        self._too_large[stage, shape] = reason
        return True

    def keep_small(self, work: ClipWork, ahead: Sequence[str]) -> None:
        """Spares a clip the sizes that were found too large for what is still to be done.

        Args:
            work: the clip, or a segment; a segment is of no clip any more where that was cut anew.
            ahead: the stages that are still to be done.
        """
        for stage in ahead:
            while (reason := self._too_large.get((stage, work.shape))) and self._make_smaller(work, reason):
                if work.is_stale:
                    return

    def _make_smaller(self, work: ClipWork, reason: str) -> bool:
        """Makes a clip smaller, of a segment the whole clip, which is then cut anew."""
        config, owner = self._ground.config, work.owner
        if config.run.degrade != "any":
            return False
        floor = config.hardware.floor
        less = smaller(owner.clip, config.model.rules, floor_num_frames=floor.num_frames, floor_side=floor.side)
        if less is None:
            return False
        asked = owner.asked or owner.clip
        owner.asked, owner.clip = asked, less
        if owner.parts:
            self._ground.divide(owner)
        else:
            self._ground.rename(owner)
        degradation = Degradation("size", size_of(asked), size_of(less), reason)
        owner.degradations = (*(one for one in owner.degradations if one.kind != "size"), degradation)
        self._tell(degradation)
        return True


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
