"""One part of a long clip, and the pass that it is a piece of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vgpipe.job.clip import Clip
from vgpipe.job.settings import ContinuationMethod

WINDOW: ContinuationMethod = "window"
FRAMES: ContinuationMethod = "frames"
NATIVE: ContinuationMethod = "native"
GIVEN = "given by the segment before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """One denoising pass over more frames than the model can hold: in overlapping windows, or in its own sections.

    Attributes:
        num_frames: frames of the whole pass, on the model's step.
        overlap_num_frames: frames that neighbouring windows share.
        prompts: (first frame, prompt) of each shot in it, in order; the first begins at frame 0.
        first_frame: where in it this segment's piece begins.
        windows_per_piece: windows or sections denoised for each of its pieces, on average.
        method: `window` or `native`.
        schedules: whole schedules that the pass makes one after the other: a section each with `native`, else one.
    """

    num_frames: int
    overlap_num_frames: int
    prompts: tuple[tuple[int, str], ...]
    first_frame: int
    windows_per_piece: float
    method: ContinuationMethod = WINDOW
    schedules: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a clip as the model makes it.

    Attributes:
        index: from 0.
        clip: the settings of its pass, or of one of its windows, as a clip.
        shot: which shot of the clip it begins in, from 0.
        given: number of its first frames that are also the last of the segment before; 0 where it is independent.
        conditions: how many of them condition the model, from the first.
        history: number of its first frames whose latents are those of the segment before; 0 where it has its own.
        start: index of the first decoded frame that is delivered.
        end: index after the last decoded frame that counts.
        stop: index after the last one that is delivered; the next segment delivers a blend of those up to `end`.
        blend: its first frames that are blended with the last of the segment before.
        match_color: whether its colours are matched to them.
        trajectory: the pass that it is a piece of; None where it is a whole pass.
    """

    index: int
    clip: Clip
    shot: int = 0
    given: int = 0
    conditions: int = 0
    history: int = 0
    start: int = 0
    end: int
    stop: int
    blend: int = 0
    match_color: bool = False
    trajectory: Trajectory | None = None

    @property
    def is_independent(self) -> bool:
        """Whether it does not depend on the segment before."""
        return self.given == 0 and self.history == 0

    @property
    def planned(self) -> Clip:
        """A clip of the same cost, for the planner: given frames count as an image, more windows as more steps."""
        if self.trajectory is not None:
            steps = round(self.clip.num_inference_steps * self.trajectory.windows_per_piece)
            # A section is decoded with the one beside it.
            num_frames = 2 * self.clip.num_frames - 1 if self.trajectory.method == NATIVE else self.clip.num_frames
            return replace(self.clip, num_inference_steps=max(1, steps), num_frames=num_frames)
        if self.clip.skipped_steps:
            return replace(self.clip, num_inference_steps=self.clip.num_inference_steps - self.clip.skipped_steps)
        return replace(self.clip, image=self.clip.image or GIVEN) if self.given else self.clip


def steps_of_pass(segment: Segment) -> int:
    """Returns the denoising steps of the pass that makes a segment, which may be a piece of it."""
    return segment.clip.num_inference_steps * (segment.trajectory.schedules if segment.trajectory else 1)
