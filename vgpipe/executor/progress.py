"""Counts what is done and what is left of a run, estimates when it will be done, and tells a listener."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vgpipe.clips.clip_state import ClipState
from vgpipe.executor.eta import TYPICAL_SHARE, Eta
from vgpipe.store.artifacts import Store
from vgpipe.units import clock, counted, finish_time
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, EXPORT

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressState:
    """How far a run is, at one moment.

    Attributes:
        clips_done: clips whose files are there, those of earlier runs included.
        clips: all clips of the run.
        pieces_done: pieces of work that are done: texts to encode, segments to denoise and to decode, clips to export.
        pieces: all pieces of work; fewer as soon as a clip fails.
        fraction: of the work that is done, 0 to 1, by time rather than by pieces; never decreases.
        stage: what runs now: a stage, `importing libraries`, `download` or `thread tuning`; empty before the first.
        clip: what it runs for: a clip, a canary, or a component that is downloaded; empty where nothing is.
        segment: which segment of a long clip, from 1; None for a short one.
        segments: how many segments that clip has; None for a short one.
        step: denoising steps that are done, or bytes that are downloaded; None where nothing is counted.
        steps: all steps, or bytes.
        loading: the component that is loaded at this moment; empty where none is.
        eta_s: seconds left; None until a denoising has a pace, or every stage that is left has been measured.
        finish_at: when the run will be done, as local time; None where `eta_s` is.
    """

    clips_done: int
    clips: int
    pieces_done: int
    pieces: int
    fraction: float = 0.0
    stage: str = ""
    clip: str = ""
    segment: int | None = None
    segments: int | None = None
    step: int | None = None
    steps: int | None = None
    loading: str = ""
    eta_s: float | None = None
    finish_at: datetime | None = None


ProgressListener = Callable[[ProgressState], None]


@dataclass(frozen=True, slots=True)
class _Now:
    """What runs now.

    Attributes:
        counts: whether it is a piece of the job's own work, rather than a canary's.
    """

    stage: str = ""
    clip: str = ""
    segment: int | None = None
    segments: int | None = None
    step: int | None = None
    steps: int | None = None
    loading: str = ""
    counts: bool = True


class Progress:
    """Counts the pieces of work of an attempt, estimates the time left, and tells a listener.

    Args:
        remaining: pieces of work left per stage.
        clips: clips of the job.
        done: clips that were done before the start.
        on_progress: is given each new state; one that raises is reported once and then left alone.
    """

    def __init__(
        self, remaining: Mapping[str, int], *, clips: int, done: int, on_progress: ProgressListener | None = None
    ):
        self.eta = Eta()
        self._remaining = dict(remaining)
        self._finished = dict.fromkeys(remaining, 0)
        self._clips, self._done = clips, done
        self._listener = on_progress
        self._now = _Now()
        self._fraction = 0.0

    def begin(
        self, stage: str, clip: str = "", *, segment: tuple[int, int] | None = None, is_canary: bool = False
    ) -> None:
        """Notes what runs from now on.

        Args:
            stage: a stage, or what else takes time.
            clip: which clip or canary.
            segment: number from 1, and how many there are, of a segment of a long clip.
            is_canary: whether it is no part of the job's own work.
        """
        number, count = segment or (None, None)
        self._now = _Now(stage, clip, number, count, counts=not is_canary)
        self.eta.begin()
        self._tell()

    def step(self, done: int, total: int) -> None:
        """Notes how many steps of what runs now are done."""
        self._now = replace(self._now, step=done, steps=total)
        if self._now.counts and self._now.stage == DENOISE:
            self.eta.step(time.monotonic(), done, total)
        self._tell()

    def loading(self, part: str) -> None:
        """Notes that a component is loaded now; an empty name: that it is there."""
        self._now = replace(self._now, loading=part)
        self._tell()

    def advance(self, stage: str, seconds: float, name: str) -> None:
        """Counts one finished piece of a stage.

        Args:
            stage: which.
            seconds: what it took.
            name: the clip's id or the text's digest, for the log.
        """
        self._remaining[stage] = max(0, self._remaining.get(stage, 0) - 1)
        self._finished[stage] = self._finished.get(stage, 0) + 1
        self._measured(stage, seconds, name, seconds)

    def tried(self, stage: str, seconds: float, name: str, typical_s: float) -> None:
        """Notes a piece of a canary: it is measured, and counts as no work of the job.

        Args:
            stage: which.
            seconds: what it took.
            name: the canary's id, for the log.
            typical_s: what it takes for an ordinary clip.
        """
        self._measured(stage, seconds, name, typical_s)

    def drop(self, stage: str) -> None:
        """Notes that a piece of a stage will not be done."""
        self._remaining[stage] = max(0, self._remaining.get(stage, 0) - 1)
        self._tell()

    def clip_done(self) -> None:
        """Counts a finished clip."""
        self._done += 1
        self._tell()

    def _measured(self, stage: str, seconds: float, name: str, typical_s: float) -> None:
        self.eta.add(stage, typical_s)
        if stage == self._now.stage:
            self._now = replace(self._now, step=None, steps=None)
        self._tell()
        log.info("%s %s %.2f s (%s)", stage, name, seconds, self._line(), extra={"bar": True})

    def _tell(self) -> None:
        if self._listener is None:
            return
        try:
            self._listener(self._state())
        except Exception as error:  # whatever a listener does, the clips matter more
            self._listener = None
            log.warning("the progress is no longer reported: %s: %s", type(error).__name__, error)
            log.debug("traceback of the progress listener", exc_info=error)

    def _state(self) -> ProgressState:
        now, eta_s = self._now, self._eta_s()
        finished = sum(self._finished.values())
        self._fraction = max(self._fraction, self._share_done())
        return ProgressState(
            clips_done=self._done,
            clips=self._clips,
            pieces_done=finished,
            pieces=finished + sum(self._remaining.values()),
            fraction=self._fraction,
            stage=now.stage,
            clip=now.clip,
            segment=now.segment,
            segments=now.segments,
            step=now.step,
            steps=now.steps,
            loading=now.loading,
            eta_s=eta_s,
            finish_at=None if eta_s is None else datetime.now().astimezone() + timedelta(seconds=eta_s),
        )

    def _eta_s(self) -> float | None:
        seconds = self.eta.remaining_s(self._remaining) if self._remaining else None
        return None if seconds is None else max(0.0, seconds - self._part_of_piece() * self._weight(self._now.stage))

    def _share_done(self) -> float:
        """Returns the share of the work that is done; a stage not measured yet has a typical weight."""
        part = self._part_of_piece() * self._weight(self._now.stage)
        done = sum(count * self._weight(stage) for stage, count in self._finished.items()) + part
        left = sum(count * self._weight(stage) for stage, count in self._remaining.items()) - part
        return done / (done + left) if done + left > 0 else 0.0

    def _part_of_piece(self) -> float:
        """Returns how much of the piece that runs now is done, 0 to 1."""
        now = self._now
        if not now.counts or now.stage != DENOISE or not self._remaining.get(DENOISE) or not now.steps:
            return 0.0
        return (now.step or 0) / now.steps

    def _weight(self, stage: str) -> float:
        typical_s = self.eta.typical_s(stage)
        return TYPICAL_SHARE.get(stage, 0.0) if typical_s is None else typical_s

    def _line(self) -> str:
        """Returns how far the run is, for a line of the log."""
        state = self._state()
        done = f"{state.clips_done}/{counted(state.clips, 'clip')}, {percent(state.fraction)}"
        if state.eta_s is None or state.finish_at is None:
            return done
        at = finish_time(state.finish_at, datetime.now().astimezone())
        return f"{done}, ETA {clock(state.eta_s)} at {at}"


def percent(fraction: float) -> str:
    """Returns a fraction as whole percent, rounded down: 100 % is said of what is done alone."""
    return f"{int(100 * fraction + 1e-9)}%"


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
