"""Shows how far a run is: bars in a terminal, plain log lines elsewhere; counts what is left to do."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from tqdm import tqdm

from vgpipe.clips.clip_state import ClipState
from vgpipe.store.artifacts import Store
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT

log = logging.getLogger(__name__)


class Eta:
    """Estimates the time left from the mean seconds of each stage so far."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Notes one finished piece of a stage."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        self._counts[stage] = self._counts.get(stage, 0) + 1

    def mean_s(self, stage: str) -> float | None:
        """Returns the mean seconds of a stage; None before the first."""
        return self._seconds[stage] / self._counts[stage] if stage in self._counts else None

    def remaining_s(self, remaining: Mapping[str, int]) -> float | None:
        """Returns the seconds left for the given pieces of each stage; None while a stage is unmeasured."""
        means = {stage: self.mean_s(stage) for stage, count in remaining.items() if count}
        if any(mean is None for mean in means.values()):
            return None
        return sum((mean or 0.0) * remaining[stage] for stage, mean in means.items())


class Progress:
    """One bar for the job and one for the steps of the clip at work.

    Args:
        remaining: pieces of work left per stage.
        clips: clips of the job.
        done: clips that were done before the start.
        show_bars: False prints nothing but log lines; default is whether stderr is a terminal.
    """

    def __init__(self, remaining: dict[str, int], *, clips: int, done: int, show_bars: bool | None = None):
        self.eta = Eta()
        self._remaining = dict(remaining)
        self._clips, self._done = clips, done
        self._bars = sys.stderr.isatty() if show_bars is None else show_bars
        self._steps: tqdm[NoReturn] | None = None
        self._step_clip = ""
        total = sum(remaining.values())
        self._job: tqdm[NoReturn] = tqdm(
            total=total, position=0, desc=self._title(""), bar_format=JOB_FORMAT, disable=not self._bars
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def step(self, clip_id: str, done: int, total: int) -> None:
        """Shows how many steps of a clip are done."""
        if not self._bars:
            return
        if self._steps is None:
            self._steps = tqdm(total=total, position=1, leave=False, bar_format=STEP_FORMAT)
        if clip_id != self._step_clip:
            self._step_clip = clip_id
            self._steps.reset(total)
            self._steps.initial = done - 1  # neither earlier steps nor loading count as speed
            self._steps.set_description_str(clip_id[:40], refresh=False)
        self._steps.n = done
        self._steps.refresh()
        self._job.refresh()

    def advance(self, stage: str, seconds: float, name: str, typical_s: float | None = None) -> None:
        """Notes one finished piece of a stage.

        Args:
            stage: which.
            seconds: what it took.
            name: the clip's id or the text's digest, for the log.
            typical_s: what it takes for an ordinary clip, where this was a canary's.
        """
        self.eta.add(stage, seconds if typical_s is None else typical_s)
        self._count(stage)
        log.info("%s %s %.2f s (%s)", stage, name, seconds, self._left(), extra={"bar": True})

    def drop(self, stage: str) -> None:
        """Notes that a piece of a stage will not be done."""
        self._count(stage)

    def _count(self, stage: str) -> None:
        self._remaining[stage] = max(0, self._remaining.get(stage, 0) - 1)
        self._job.set_description_str(self._title(stage), refresh=False)
        self._job.set_postfix_str(self._left(), refresh=False)
        self._job.update(1)

    def clip_done(self) -> None:
        """Counts a finished clip."""
        self._done += 1
        self._job.set_description_str(self._title(""))

    def close(self) -> None:
        """Takes the bars away."""
        if self._steps is not None:
            self._steps.close()
        self._job.close()

    def _title(self, stage: str) -> str:
        return f"{self._done}/{self._clips} clips {stage:<7}"

    def _left(self) -> str:
        seconds = self.eta.remaining_s(self._remaining)
        return "ETA ?" if seconds is None else f"ETA {clock(seconds)}"


JOB_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
STEP_FORMAT = "  {desc} {n_fmt}/{total_fmt} steps|{bar}| {rate_fmt}"


def clock(seconds: float) -> str:
    """Returns `m:ss`, or `h:mm:ss` from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def count_remaining(store: Store, states: Sequence[ClipState]) -> dict[str, int]:
    """Returns the pieces of work that clips still need, by stage; what they share counts once.

    Args:
        store: what is in it is done.
        states: the clips.
    """
    segments = [segment for state in states for segment in state.segments]
    undecoded = [segment for segment in segments if store.find(segment.keys.frames) is None]
    undenoised = [segment for segment in undecoded if store.find(segment.keys.latents) is None]
    texts = {key.digest for segment in undenoised for key in segment.keys.texts if store.find(key) is None}
    return {
        ENCODE: len(texts),
        DENOISE: len({segment.keys.latents.digest for segment in undenoised}),
        DECODE: len({segment.keys.frames.digest for segment in undecoded}),
        EXPORT: len(states),
    }
