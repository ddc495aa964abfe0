"""Clips made smaller where not even the last rung fits, and `run.degrade=any` allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vgpipe.executor.ground import Ground
from vgpipe.executor.rung_words import size_of
from vgpipe.executor.smaller import smaller
from vgpipe.executor.work import ClipWork, Degradation

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
