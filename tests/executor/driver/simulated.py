"""Simulated time: workers that only take as long as they are to, driven by the real `Scheduler`."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from vgpipe.executor.driver.scheduling import Scheduler, Work
from vgpipe.executor.workers.messages import Fit, Foreseen

T = TypeVar("T")
AFTER_DENOISING = 0.15
"""Share of a clip's seconds that comes when all clips of its hand-out are denoised."""
POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Device:
    """What a simulated worker runs on.

    Attributes:
        seconds: kind -> what a clip of size 1 really takes.
        foreseen: what it foresees.
    """

    seconds: Sequence[float]
    foreseen: Sequence[Foreseen]


def device(seconds: Sequence[float], fits: Sequence[Fit] = (), wrong_by: Sequence[float] = ()) -> Device:
    """Returns a device whose forecasts are wrong by a factor for each kind; 1 where none is given."""
    factors = wrong_by or [1.0] * len(seconds)
    held = fits or [Fit.AS_ASKED] * len(seconds)
    return Device(seconds, [Foreseen(fit, one * by) for one, fit, by in zip(seconds, held, factors, strict=True)])


@dataclass
class Stay:
    """From when to when a worker was there."""

    device: Device
    from_s: float = 0.0
    to_s: float = math.inf


@dataclass
class _Running:
    stay: Stay
    life: int = 0
    since_s: float = 0.0
    clips: list[str] = field(default_factory=list)
    takes_s: dict[str, float] = field(default_factory=dict)


@dataclass
class Simulation:
    """Plays a job.

    Args:
        scheduler: decides.
        works: all clips of it.
        load_s: what each hand-out spends on loading.
        jitter: returns a factor for the seconds of one clip.

    Attributes:
        now_s: simulated time.
        done: the clips that were made, and by whom.
        busy_until_s: worker -> when it ended its last clip.
        cost_s: processor time of all calls of the scheduler.
        left: of clips whose worker was killed, how much is left behind their last checkpoint.
        stays: of all workers that ever were.
    """

    scheduler: Scheduler
    works: Mapping[str, Work]
    load_s: float = 0.0
    jitter: Callable[[], float] = lambda: 1.0
    now_s: float = 0.0
    cost_s: float = 0.0
    done: dict[str, str] = field(default_factory=dict)
    busy_until_s: dict[str, float] = field(default_factory=dict)
    there: dict[str, _Running] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._tie = itertools.count()
        self._polls = False

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Has something happen at a time."""
        heapq.heappush(self._events, (when_s, next(self._tie), action))

    def expect(self, name: str) -> None:
        """Has the scheduler know that a worker is started."""
        self._timed(lambda: self.scheduler.expect(name))

    def join(self, name: str, of: Device) -> None:
        """Starts a worker now."""
        self.stays.append(Stay(of, self.now_s))
        self.there[name] = _Running(self.stays[-1])
        self._timed(lambda: self.scheduler.join(name, of.foreseen))

    def leave(self, name: str) -> None:
        """Kills a worker now."""
        gone = self.there.pop(name)
        gone.stay.to_s = self.now_s
        self._keep_checkpoints(gone)
        back = self._timed(lambda: self.scheduler.leave(name))
        assert sorted(back) == sorted(gone.clips)

    def _keep_checkpoints(self, gone: _Running) -> None:
        spent_s = self.now_s - gone.since_s - self.load_s
        for clip in gone.clips:
            whole_s = gone.takes_s[clip] * (1 - AFTER_DENOISING)
            if whole_s and spent_s > 0:
                self.left[clip] = self.left.get(clip, 1.0) * (1 - min(spent_s, whole_s) / gone.takes_s[clip])
                spent_s -= whole_s

    def run(self) -> float:
        """Plays until nothing happens any more; returns when the last clip was done."""
        self._hand_out()
        while self._events:
            self.now_s, _, action = heapq.heappop(self._events)
            action()
            self._hand_out()
        return max(self.busy_until_s.values(), default=0.0)

    def _hand_out(self) -> None:
        for name, worker in list(self.there.items()):
            if not worker.clips and self.scheduler.queued:
                clips = self._timed(lambda name=name: self.scheduler.next(name, self.now_s))
                if clips:
                    self._begin(name, worker, clips)
        if self.scheduler.queued and self.there and not self._polls:
            self._polls = True
            self.at(self.now_s + POLL_S, self._poll)

    def _poll(self) -> None:
        self._polls = False

    def _begin(self, name: str, worker: _Running, clips: list[str]) -> None:
        worker.clips, worker.since_s, worker.life = list(clips), self.now_s, next(self._tie)
        groups = [self.works[clip].group or clip for clip in clips]
        takes = {group: 0.0 for group in groups}
        for clip, group in zip(clips, groups, strict=True):
            work = self.works[clip]
            whole_s = worker.stay.device.seconds[work.kind] * work.size * self.jitter()
            takes[group] = takes[group] or whole_s * self.left.get(clip, 1.0)
        end_s = self.now_s + self.load_s + (1 - AFTER_DENOISING) * sum(takes.values())
        for clip, group in zip(clips, groups, strict=True):
            end_s += AFTER_DENOISING * takes[group]
            self.at(end_s, self._ending(name, worker.life, clip, takes[group]))
            worker.takes_s[clip] = takes[group]
            takes[group] = 0.0

    def _ending(self, name: str, life: int, clip: str, took_s: float) -> Callable[[], None]:
        def end() -> None:
            worker = self.there.get(name)
            if worker is None or worker.life != life:
                return
            assert clip not in self.done
            worker.clips.remove(clip)
            self.done[clip] = name
            self.busy_until_s[name] = self.now_s
            seconds = took_s if took_s and clip not in self.left else None
            self._timed(lambda: self.scheduler.ended(name, clip, self.now_s, seconds))
            if not worker.clips:
                self._timed(lambda: self.scheduler.loads(name, self.load_s))

        return end

    def _timed(self, call: Callable[[], T]) -> T:
        began = time.process_time()
        result = call()
        self.cost_s += time.process_time() - began
        return result


def works_of(sizes: Sequence[tuple[int, float]], groups: Sequence[str] = ()) -> dict[str, Work]:
    """Returns clips of the given kinds and sizes, by id."""
    names = groups or [""] * len(sizes)
    return {
        f"c{index}": Work(f"c{index}", kind, size, group)
        for index, ((kind, size), group) in enumerate(zip(sizes, names, strict=True))
    }


def ideal_s(works: Mapping[str, Work], stays: Sequence[Stay], load_s: float = 0.0) -> float:
    """Returns a time that no schedule beats, where devices differ by the same factor for all kinds.

    For each set of devices that hold some kinds best: when these would be through with those kinds if work could be cut
    at will; or what the longest clip takes where it is fastest.

    Args:
        works: the clips.
        stays: the workers, and from when to when each was there.
        load_s: what each spends once on loading.
    """
    devices = [stay.device for stay in stays]
    kinds = range(len(devices[0].seconds))
    best = [max(one.foreseen[kind].fit for one in devices) for kind in kinds]
    able = [frozenset(i for i, one in enumerate(devices) if one.foreseen[kind].fit == best[kind]) for kind in kinds]
    sizes = [sum(work.size for work in works.values() if work.kind == kind) for kind in kinds]
    times = [max(work.size * min(devices[i].seconds[work.kind] for i in able[work.kind]) for work in works.values())]
    for group in set(able):
        inside = [kind for kind in kinds if able[kind] <= group and sizes[kind]]
        if inside:
            pace = {i: devices[i].seconds[inside[0]] for i in group}
            work = sum(sizes[kind] * min(devices[i].seconds[kind] / pace[i] for i in group) for kind in inside)
            times.append(_through_s(work, [(stays[i], 1 / pace[i]) for i in group], load_s))
    return max(times)


def _through_s(work: float, rates: Sequence[tuple[Stay, float]], load_s: float) -> float:
    low_s, high_s = 0.0, 1e9
    while high_s - low_s > 1e-6 * high_s:
        middle_s = (low_s + high_s) / 2
        done = sum(max(0.0, min(stay.to_s, middle_s) - stay.from_s - load_s) * rate for stay, rate in rates)
        low_s, high_s = (low_s, middle_s) if done >= work else (middle_s, high_s)
    return high_s
