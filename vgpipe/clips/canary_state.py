"""The state of a canary: a clip of a few steps that represents the clips of its shape."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.job.clip import Clip
from vgpipe.stages.keys import ClipKeys


class CanaryState(ClipState):
    """A clip of a few steps that goes first, for all clips of its shape.

    Args:
        clip: the clip of a few steps.
        keys: as for `ClipState`.
        represents_steps: the steps of the clips that it represents.
    """

    is_canary = True

    def __init__(self, clip: Clip, keys: Sequence[ClipKeys], *, represents_steps: int):
        super().__init__(clip, keys)
        self.represents_steps = represents_steps
