"""What each worker of a run does now, how much of its clip is left, and how fast it has been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vgpipe.executor.eta import Eta
from vgpipe.executor.makespan import InHand
from vgpipe.executor.progress_state import WorkerNow
from vgpipe.vocabulary import DECODE, DENOISE, STAGES

IDLE_S = 2.0
"""A worker without work for so long gets no more: what is left is with the others, or does not fit it."""


@dataclass(slots=True)
class TrackedWorker:
    """A worker, or this process where it is alone.

    Attributes:
        now: what it does.
        counts: whether that is a piece of the job's own work, rather than a canary's.
        is_piece_done: whether the piece has ended, and the next one has not begun.
        since_s: when it began, by a monotonic clock.
        has_worked: whether it has begun any clip of the job.
        share_made: of the denoising that runs now, what is made since it began; less than 1 after a checkpoint.
        eta: what its pieces took.
    """

    now: WorkerNow
    counts: bool = True
    is_piece_done: bool = False
    since_s: float = 0.0
    share_made: float = 1.0
    has_worked: bool = False
    eta: Eta = field(default_factory=Eta)

    def begin(self, now: WorkerNow, now_s: float, *, counts: bool) -> None:
        """Notes what it does from now on."""
        self.now, self.counts, self.since_s = now, counts, now_s
        self.has_worked |= self.has_clip
        self.is_piece_done, self.share_made = False, 1.0
        self.eta.begin()

    def step(self, done: int, total: int) -> None:
        """Notes how many steps are done; the first news of a piece says how many an earlier attempt had done."""
        if self.now.step is None and total:
            self.share_made = (total - done + 1) / total
        self.now = replace(self.now, step=done, steps=total)

    def end_piece(self, stage: str) -> None:
        """Notes that a piece of a stage has ended."""
        if stage == self.now.stage:
            self.now, self.is_piece_done = replace(self.now, step=None, steps=None), True

    @property
    def part(self) -> float:
        """How much of the denoising that runs now is done, 0 to 1; 0 for all that is no denoising of the job."""
        now = self.now
        return (now.step or 0) / now.steps if self.counts and now.stage == DENOISE and now.steps else 0.0

    @property
    def has_clip(self) -> bool:
        """Whether it is at a clip of the job."""
        return self.counts and self.now.stage in STAGES

    def is_idle(self, now_s: float) -> bool:
        """Says whether it has had nothing to do for some time; one that has yet to begin waits for the canaries."""
        return self.has_worked and not self.now.stage and now_s - self.since_s >= IDLE_S

    def rest_s(self, weight: Callable[[str, str], float]) -> float:
        """Returns the work that is left of its clip; 0 without one.

        Args:
            weight: stage and clip -> seconds of a piece.
        """
        if not self.has_clip:
            return 0.0
        stage, now = self.now.stage, self.now
        position = STAGES.index(stage) + self.is_piece_done
        of_segment = sum(weight(one, now.clip) for one in STAGES[position:]) - self.part * weight(stage, now.clip)
        later = (now.segments or 1) - (now.segment or 1)
        return of_segment + later * (weight(DENOISE, now.clip) + weight(DECODE, now.clip))

    def in_hand(self, everyone: Eta, weight: Callable[[str, str], float]) -> InHand:
        """Returns its share of the work that is left.

        Args:
            everyone: what pieces took on all workers.
            weight: stage and clip -> seconds of a piece.
        """
        return InHand(self.rest_s(weight), self.eta.speed(everyone))
