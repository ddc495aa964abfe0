"""The workers of a run: starts them, starts those again that died, retires those that can take no more clips."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from vgpipe.executor.driver.losses import Losses, Verdict
from vgpipe.executor.progress import Progress
from vgpipe.executor.run_records import RunRecords
from vgpipe.executor.workers.messages import Died, End, Ready, WorkerSettings
from vgpipe.executor.workers.pool import Slot, WorkerPool
from vgpipe.units import counted

log = logging.getLogger(__name__)

MAX_NAMES = 8
TOO_MANY = "the memory does not suffice for as many workers"
SLOTS_EVERY_S = 2.0
"""Between two looks at which slots there are: a node may join."""


class Phase(Enum):
    """How far the worker of a slot is."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "giving its clips back"
    WAITING = "waiting to be started again"
    RETIRED = "retired"


ON_THE_WAY = (Phase.STARTING, Phase.LEAVING, Phase.WAITING)


@dataclass(slots=True)
class _Member:
    slot: Slot
    phase: Phase
    since_s: float
    ready: Ready | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewSettings:
    """The workers that a driver is given.

    Attributes:
        pool: where they run.
        most: how many there may be.
        needs_trial: whether a trial decides how many of them there are: the first one makes it.
        wait_s: seconds to wait for a worker where none is left.
        cpu_share: how many of them share the CPU of one machine; None: all.
    """

    pool: WorkerPool
    most: int
    needs_trial: bool = False
    wait_s: float = 0.0
    cpu_share: int | None = None


class Crew:
    """Starts workers and knows which of them take clips.

    Args:
        pool: where they run.
        settings_of: returns what the worker of a slot needs to know.
        losses: judges deaths.
        start_timeout_s: seconds that a worker may take until it is ready.
        records: get the events.
        progress: shows the workers.

    Attributes:
        most: how many workers there may be at once.
        ever_ready: whether any worker was.
        last_reason: why the last one that ended did, for people.
    """

    def __init__(
        self,
        pool: WorkerPool,
        settings_of: Callable[[Slot], WorkerSettings],
        losses: Losses,
        start_timeout_s: float,
        records: RunRecords,
        progress: Progress,
    ):
        self._pool, self._settings_of, self._losses = pool, settings_of, losses
        self._start_timeout_s, self._records, self._progress = start_timeout_s, records, progress
        self._members: dict[str, _Member] = {}
        self._ready: dict[str, Ready] = {}
        self._starting: dict[str, _Member] = {}
        self._looked_s, self._looked_most = float("-inf"), 0
        self.most, self.ever_ready, self.last_reason = 1, False, ""

    @property
    def ready(self) -> Mapping[str, Ready]:
        """The workers that take clips, and what they said of themselves."""
        return self._ready

    @property
    def starting(self) -> list[str]:
        """The workers that are started, now or again."""
        return list(self._starting)

    @property
    def is_gone(self) -> bool:
        """Whether no worker takes clips, nor is one started."""
        return not self._starting and not self._ready

    @property
    def has_looked(self) -> bool:
        """Whether it has asked for slots at all."""
        return self._looked_s > float("-inf")

    def made(self, name: str, clip: str) -> None:
        """Notes that a worker has made a clip."""
        self._losses.done(name, clip)

    def failed(self, name: str, clip: str) -> bool:
        """Notes that a clip failed, maybe because of the worker; returns whether it is to be tried again."""
        if len(self.ready) < 2:
            return False
        verdict = self._losses.failed(name, clip)
        if verdict.retires:
            self.retire(name, verdict.retires)
        return verdict.is_tried_again

    def slot(self, name: str) -> Slot:
        """Returns the slot of a worker."""
        return self._members[name].slot

    def tend(self, now_s: float) -> list[str]:
        """Starts what is to be started, and ends workers that have not become ready in time.

        Returns:
            The workers that are started now.
        """
        self._end_late(now_s)
        if now_s - self._looked_s < SLOTS_EVERY_S and not self._is_due(now_s):
            return []
        self._looked_s, self._looked_most = now_s, self.most
        started = []
        for slot in self._pool.slots():
            member = self._members.get(slot.name)
            if member is not None and (member.phase is not Phase.WAITING or now_s < member.since_s):
                continue
            if member is None and self._count() >= self.most:
                continue
            self._members[slot.name] = _Member(slot, Phase.STARTING, now_s)
            self._enter(slot.name, Phase.STARTING)
            self._progress.worker_joined(slot.name, "")
            self._pool.start(slot, self._settings_of(slot))
            started.append(slot.name)
        if started:
            log.info("starting %s: %s", counted(len(started), "worker"), _some(started))
        return started

    def joined(self, name: str, ready: Ready) -> None:
        """Notes that a worker takes clips."""
        member = self._members[name]
        member.ready, self.ever_ready = ready, True
        self._enter(name, Phase.READY)
        self._losses.ready(name)
        self._progress.worker_joined(name, ready.device)
        self._records.event("worker_ready", worker=name, device=ready.device, host=ready.host, pid=ready.pid)
        memory = f" with {ready.memory_gb:g} GiB" if ready.memory_gb else ""
        log.info("worker %s is ready: %s%s on %s, process %d", name, ready.device, memory, ready.host, ready.pid)

    def died(self, name: str, died: Died, at_work: str | None, now_s: float) -> Verdict:
        """Notes that a worker is gone; another one is started in its slot where that makes sense.

        Args:
            name: which.
            died: how.
            at_work: its clip at that moment; None where it had none.
            now_s: the time.

        Returns:
            What follows for the clip.
        """
        member, self.last_reason = self._members[name], died.reason
        is_retired = member.phase is Phase.RETIRED
        verdict = self._losses.died(name, at_work)
        self._progress.worker_left(name)
        if is_retired:
            return verdict
        self._records.event("worker_died", worker=name, reason=died.reason)
        log.warning("worker %s ended: %s", name, died.reason)
        if died.is_place_gone:
            self._enter(name, Phase.RETIRED)
            del self._members[name]
            return verdict
        member.since_s = now_s + verdict.restart_after_s
        self._enter(name, Phase.WAITING)
        if verdict.retires:
            self.retire(name, verdict.retires)
        elif died.by_memory and len(self._on_node(member.slot.node)) > 1:
            self.retire(name, TOO_MANY)
        return verdict

    def leaves(self, name: str, reason: str) -> None:
        """Notes that a worker gives its clips back and ends; another one is started in its slot, if that stays."""
        log.warning("worker %s gives its clips back: %s", name, reason)
        self._enter(name, Phase.LEAVING)

    def retire(self, name: str, reason: str) -> None:
        """Starts no worker in a slot again; one that is there is ended."""
        member, self.last_reason = self._members[name], reason
        if member.phase is Phase.RETIRED:
            return
        self._enter(name, Phase.RETIRED)
        self._pool.send(name, End())
        self._progress.worker_left(name)
        self._records.event("worker_retired", worker=name, reason=reason)
        log.warning("worker %s is retired: %s", name, reason)

    def _enter(self, name: str, phase: Phase) -> None:
        """Notes how far a worker is; with many workers no turn of the driver has time to look at each."""
        member = self._members[name]
        member.phase = phase
        self._ready.pop(name, None)
        self._starting.pop(name, None)
        if phase is Phase.READY and member.ready:
            self._ready[name] = member.ready
        elif phase in ON_THE_WAY:
            self._starting[name] = member

    def _end_late(self, now_s: float) -> None:
        for name, member in self._starting.items():
            if member.phase is Phase.STARTING and now_s - member.since_s > self._start_timeout_s:
                member.since_s = now_s  # it is ended once
                log.warning("worker %s was not ready after %g s: ending it", name, self._start_timeout_s)
                self._pool.kill(name)

    def _is_due(self, now_s: float) -> bool:
        if self._looked_most != self.most:  # a trial has found how many there are to be
            return True
        return any(one.phase is Phase.WAITING and now_s >= one.since_s for one in self._starting.values())

    def _on_node(self, node: str) -> list[str]:
        return [name for name, one in self._members.items() if one.slot.node == node and one.phase is not Phase.RETIRED]

    def _count(self) -> int:
        return sum(one.phase is not Phase.RETIRED for one in self._members.values())


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:MAX_NAMES], *(["..."] if len(names) > MAX_NAMES else [])])
