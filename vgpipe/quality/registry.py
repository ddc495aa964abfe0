"""Every check, in the order in which verdicts are given."""

from __future__ import annotations

from typing import Final

from vgpipe.quality.base import Check, Expected, Wanted
from vgpipe.quality.checks.blobs import Blobs
from vgpipe.quality.checks.clipped import Clipped
from vgpipe.quality.checks.frame_count import FrameCount
from vgpipe.quality.checks.frame_size import FrameSize
from vgpipe.quality.checks.frozen import Frozen
from vgpipe.quality.checks.noise import Noise
from vgpipe.quality.checks.non_finite import NonFinite
from vgpipe.quality.checks.seams import Seams
from vgpipe.quality.checks.strobing import Strobing
from vgpipe.quality.checks.tail import Tail
from vgpipe.quality.checks.uniform import Uniform

CHECKS: Final = (
    FrameCount, FrameSize, NonFinite, Uniform, Clipped, Noise, Blobs, Strobing, Seams, Tail, Frozen,
)  # fmt: skip
NAMES: Final = tuple(check.name for check in CHECKS)
OTHER_NAMES: Final = ("noise_left", "text_difference", "same_frames")
"""Checks whose numbers come from latents, embeddings and other clips; `executor/stage_checks.py` has them judged."""
NEED_STEPS: Final = frozenset(("noise_left", Noise.name, Blobs.name, Strobing.name, Seams.name))
"""Checks that a model which works may fail with few denoising steps, however wide the limit."""


def new_checks(fps: float, expected: Expected | None) -> tuple[Check, ...]:
    """Returns one of each, for a new clip.

    Args:
        fps: frames per second.
        expected: the size that was asked for; None where that is not known.
    """
    wanted = Wanted(fps, expected)
    return tuple(check(wanted) for check in CHECKS)
