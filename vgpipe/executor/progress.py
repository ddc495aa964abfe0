"""Counts what is done and what is left of a run, estimates when it will be done, and tells a listener."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vgpipe.executor.eta import TYPICAL_SHARE, Eta
from vgpipe.executor.makespan import shared_s
from vgpipe.executor.piece_sizes import ALIKE, PieceSizes
from vgpipe.executor.progress_state import ProgressListener, ProgressState, WorkerNow
from vgpipe.executor.worker_progress import TrackedWorker
from vgpipe.natural_order import natural_order
from vgpipe.units import clock, counted, finish_time
from vgpipe.vocabulary import DENOISE, EXPORT

log = logging.getLogger(__name__)

EXACT_WORKERS, S_PER_WORKER = 4, 0.001
"""With more workers than these an estimate holds for some time, so that it never costs more than the work."""


@dataclass(frozen=True, slots=True)
class _Estimate:
    """What was estimated, and when by a monotonic clock."""

    made_s: float = -math.inf
    share_done: float = 0.0
    eta_s: float | None = None


class Progress:
    """Counts the pieces of work of an attempt, estimates the time left, and tells a listener.

    News of one of several workers come with its name; without one it is this process that works.

    Args:
        remaining: pieces of work left per stage.
        clips: clips of the job.
        done: clips that were done before the start.
        on_progress: is given each new state; one that raises is reported once and then left alone.
        sizes: how much work each piece is.

    Attributes:
        eta: what pieces took.
        sizes: as given; may be replaced as long as none is done.
    """

    def __init__(
        self,
        remaining: Mapping[str, int],
        *,
        clips: int,
        done: int,
        on_progress: ProgressListener | None = None,
        sizes: PieceSizes = ALIKE,
    ):
        self.eta = Eta()
        self.sizes = sizes
        self._remaining, self._finished = dict(remaining), dict.fromkeys(remaining, 0)
        self._work_left = {stage: float(count) for stage, count in remaining.items()}
        self._work_done = dict.fromkeys(remaining, 0.0)
        self._clips, self._done = clips, done
        self._listener = on_progress
        self._here = self._latest = TrackedWorker(WorkerNow(), eta=self.eta)
        self._workers: dict[str, TrackedWorker] = {}
        self._nows: dict[str, WorkerNow] = {}
        self._is_shared = False
        self._fraction = 0.0
        self._estimate = _Estimate()

    def worker_joined(self, name: str, device: str) -> None:
        """Notes that a worker is there, and shares the work that is left from now on.

        Args:
            name: of the worker.
            device: its device.
        """
        self._is_shared = True
        worker = self._workers.get(name) or self._add(name)
        worker.now = self._nows[name] = replace(worker.now, device=device)
        self._tell()

    def worker_left(self, name: str) -> None:
        """Notes that a worker is gone, with what it was at; an unknown name is left alone."""
        gone = self._workers.pop(name, None)
        self._nows.pop(name, None)
        if gone is not None and gone is self._latest:
            self._latest = next(iter(self._workers.values()), self._here)
        self._estimate = _Estimate()
        self._tell()

    def begin(
        self,
        stage: str,
        clip: str = "",
        *,
        segment: tuple[int, int] | None = None,
        is_canary: bool = False,
        worker: str = "",
    ) -> None:
        """Notes what runs from now on.

        Args:
            stage: a stage, or what else takes time; empty for nothing.
            clip: which clip or canary.
            segment: number from 1, and how many there are, of a segment of a long clip.
            is_canary: whether it is no part of the job's own work.
            worker: which worker; empty for this process.
        """
        number, count = segment or (None, None)
        tracked = self._latest = self._tracked(worker) if worker in ("", *self._workers) else self._add(worker)
        now = WorkerNow(name=worker, device=tracked.now.device, stage=stage, clip=clip, segment=number, segments=count)
        tracked.begin(now, time.monotonic(), counts=not is_canary)
        self._tell()

    def step(self, done: int, total: int, *, worker: str = "") -> None:
        """Notes how many steps of what runs now are done."""
        tracked = self._latest = self._tracked(worker)
        tracked.step(done, total)
        if tracked.counts and tracked.now.stage == DENOISE:
            tracked.eta.step(time.monotonic(), done, total, self.sizes.of(DENOISE, tracked.now.clip))
        self._tell()

    def loading(self, part: str, *, worker: str = "") -> None:
        """Notes that a component is loaded now; an empty name: that it is there."""
        tracked = self._latest = self._tracked(worker)
        tracked.now = replace(tracked.now, loading=part)
        self._tell()

    def advance(self, stage: str, seconds: float, name: str, *, worker: str = "") -> None:
        """Counts one finished piece of a stage.

        Args:
            stage: which.
            seconds: what it took.
            name: the clip's id or the text's digest, for the log.
            worker: which worker made it; empty for this process.
        """
        size = self.sizes.of(stage, name)
        self._take(stage, size)
        self._finished[stage] = self._finished.get(stage, 0) + 1
        self._work_done[stage] = self._work_done.get(stage, 0.0) + size
        tracked = self._tracked(worker)
        made = size * (tracked.share_made if stage == tracked.now.stage == DENOISE else 1.0)
        for eta in self._etas(worker):
            eta.add(stage, seconds, made)
        self._ended(stage, seconds, name, worker)

    def tried(self, stage: str, seconds: float, name: str, typical_s: float, *, worker: str = "") -> None:
        """Notes a piece of a canary: it is measured, and counts as no work of the job.

        Args:
            stage: which.
            seconds: what it took.
            name: the canary's id, for the log.
            typical_s: what it takes for an ordinary clip.
            worker: which worker made it; empty for this process.
        """
        for eta in self._etas(worker):
            eta.add_trial(stage, typical_s, self.sizes.of(stage, name))
        self._ended(stage, seconds, name, worker)

    def drop(self, stage: str, *, worker: str = "") -> None:
        """Notes that a piece of a stage will not be done."""
        count = self._remaining.get(stage, 0)
        self._take(stage, self._work_left.get(stage, 0.0) / count if count else 0.0)
        if worker:
            self._latest = self._tracked(worker)
        self._tell()

    @property
    def is_complete(self) -> bool:
        """Whether no piece is left."""
        return not any(self._remaining.values())

    def clip_done(self) -> None:
        """Counts a finished clip."""
        self._done += 1
        self._tell()

    def _add(self, name: str) -> TrackedWorker:
        added = TrackedWorker(WorkerNow(name=name), since_s=time.monotonic())
        is_last = not self._workers or natural_order(name) > natural_order(next(reversed(self._workers)))
        self._workers[name] = added
        if not is_last:
            self._workers = dict(sorted(self._workers.items(), key=lambda one: natural_order(one[0])))
        self._nows = {each: one.now for each, one in self._workers.items()}
        self._estimate = _Estimate()
        return added

    def _tracked(self, name: str) -> TrackedWorker:
        """Returns a worker; for the last news of one that is gone, one that is forgotten again."""
        return self._workers.get(name) or (TrackedWorker(WorkerNow(name=name)) if name else self._here)

    def _take(self, stage: str, size: float) -> None:
        """Takes a piece off what is left."""
        count = self._remaining[stage] = max(0, self._remaining.get(stage, 0) - 1)
        self._work_left[stage] = max(0.0, self._work_left.get(stage, 0.0) - size) if count else 0.0

    def _note_pace(self) -> None:
        """Takes the steps of all workers for the first estimate."""
        if self._workers and self.eta.mean_s(DENOISE) is None:
            paces = [pace for one in self._workers.values() if (pace := one.eta.pace_s) is not None]
            if paces:
                self.eta.note_pace(sum(paces) / len(paces))

    def _etas(self, worker: str) -> list[Eta]:
        return [self.eta, self._tracked(worker).eta] if worker else [self.eta]

    def _ended(self, stage: str, seconds: float, name: str, worker: str) -> None:
        tracked = self._latest = self._tracked(worker)
        tracked.end_piece(stage)
        self._tell()
        log.info("%s%s %s %.2f s (%s)", said_by(worker), stage, name, seconds, self._line(), extra={"bar": True})

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
        now, estimate = self._latest.now, self._estimated()
        if now.name in self._nows:  # what the others do has not changed since they were the latest
            self._nows[now.name] = now
        finished = sum(self._finished.values())
        self._fraction = max(self._fraction, estimate.share_done)
        eta_s = estimate.eta_s
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
            workers=tuple(self._nows.values()),
        )

    def _estimated(self) -> _Estimate:
        """Returns the estimate, made again unless there are many workers and the last one is fresh."""
        now_s, many = time.monotonic(), len(self._workers) > EXACT_WORKERS
        if not many or now_s - self._estimate.made_s >= len(self._workers) * S_PER_WORKER:
            self._note_pace()
            self._estimate = _Estimate(now_s, self._share_done(), self._eta_s(now_s))
        return self._estimate

    def _eta_s(self, now_s: float) -> float | None:
        seconds = self.eta.remaining_s(self._work_left) if self._work_left else None
        if seconds is None:
            return None
        work_s = max(0.0, seconds - self._parts() * self._weight(DENOISE))
        everyone = list(self._workers.values())
        if not everyone:
            return None if self._is_shared else work_s
        takers = [one for one in everyone if not one.is_idle(now_s)] or everyone
        clips = self._remaining.get(EXPORT) or max(self._remaining.values())
        return shared_s([one.in_hand(self.eta, self._weight_of) for one in takers], clips, work_s)

    def _share_done(self) -> float:
        """Returns the share of the work that is done; a stage not measured yet has a typical weight."""
        part = self._parts() * self._weight(DENOISE)
        done = sum(work * self._weight(stage) for stage, work in self._work_done.items()) + part
        left = sum(work * self._weight(stage) for stage, work in self._work_left.items()) - part
        return done / (done + left) if done + left > 0 else 0.0

    def _parts(self) -> float:
        """Returns how much of the segments that are being denoised is done, in work of a mean one."""
        everyone = (self._here, *self._workers.values())
        parts = sum(one.part * self.sizes.of(DENOISE, one.now.clip) for one in everyone if one.part)
        return min(parts, self._work_left.get(DENOISE, 0.0))

    def _weight_of(self, stage: str, clip: str) -> float:
        return self._weight(stage) * self.sizes.of(stage, clip)

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


def said_by(worker: str) -> str:
    """Returns what a line of the log begins with where a worker has something to say; nothing for this process."""
    return f"[{worker}] " if worker else ""


def percent(fraction: float) -> str:
    """Returns a fraction as whole percent, rounded down: 100 % is said of what is done alone."""
    return f"{int(100 * fraction + 1e-9)}%"
