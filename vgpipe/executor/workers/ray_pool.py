"""A place where workers run: actors of a Ray cluster."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from vgpipe.config.executor_schema import RayConfig
from vgpipe.executor.workers.messages import Died, End, FromWorker, HandOut, Ready, ToWorker, WorkerSettings
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.ray_actor import Ended, Work
from vgpipe.executor.workers.ray_death import death_of, is_passing
from vgpipe.executor.workers.ray_nodes import Nodes
from vgpipe.executor.workers.ray_places import Need, Place, need_for, places
from vgpipe.executor.workers.ray_running import POLL_S, Running
from vgpipe.executor.workers.ray_session import RaySession
from vgpipe.store.artifacts import Store

log = logging.getLogger(__name__)

WORKER = "vgpipe.executor.workers.worker:Worker"
END_S, LEAVE_S = 2.0, 5.0
"""Seconds that workers have, when the pool is closed, to end by themselves; then to leave."""
DRAINED_EVERY_S = 2.0
"""Between two looks at which nodes are being taken away."""


class RayPool:
    """Runs workers as actors of a Ray cluster, one a slot; a `WorkerPool`.

    Args:
        session: Ray in this process; ended with the pool.
        config: how many workers, and what each takes.
        store: the driver's.
        memory_gb: RAM that a worker needs by the plan, GiB; None where nothing is planned.
        on_cpu: whether workers use CPUs also where there are GPUs.
        worker: class of the worker, `module:name`, which each node imports.
    """

    def __init__(
        self,
        session: RaySession,
        config: RayConfig,
        store: Store,
        *,
        memory_gb: float | None = None,
        on_cpu: bool = False,
        worker: str = WORKER,
    ):
        self._session, self._config, self._store, self._worker = session, config, store, worker
        self._need = Need(
            gpus=config.num_gpus,
            cpus=config.num_cpus,
            memory_gb=config.memory_gb or memory_gb,
            resources=config.resources,
        )
        self._on_cpu = on_cpu
        self._nodes = Nodes(store, is_local=session.is_local)
        self._places: dict[str, Place] = {}
        self._lost: set[str] = set()
        self._running: dict[str, Running] = {}
        self._ready: list[tuple[str, FromWorker]] = []
        self._over: list[Running] = []
        self._drained_s = 0.0

    @property
    def what_a_worker_takes(self) -> str:
        """What each worker takes of its node, for people."""
        gpus = [f"{self._need.gpus} GPU"] if self._need.gpus and not self._on_cpu else []
        ram = [f"{self._need.memory_gb:.1f} GiB of RAM"] if self._need.memory_gb else []
        more = [f"{name} {amount:g}" for name, amount in self._need.resources.items()]
        return ", ".join([*gpus, f"{self._need.cpus or 1} CPU", *ram, *more])

    def slots(self) -> Sequence[Slot]:
        """Returns the places that there are now; the first call waits for Ray.

        Raises:
            ConfigError: where the cluster cannot be joined, or Ray cannot be started.
        """
        self._session.wait()
        nodes = self._nodes.alive()
        held: dict[str, int] = {}
        for place in self._places.values():
            held[place.node] = held.get(place.node, 0) + 1
        need = need_for(nodes, self._need, on_cpu=self._on_cpu)
        most = self._config.workers if isinstance(self._config.workers, int) else None
        self._places = {place.slot.name: place for place in places(nodes, need, most, held)}
        return [place.slot for name, place in self._places.items() if name not in self._lost]

    def start(self, slot: Slot, settings: WorkerSettings) -> None:
        """Starts a worker in a slot that has none; returns at once."""
        place = self._places.get(slot.name)
        if place is None:
            self._ready.append((slot.name, Died("its node is gone", is_place_gone=True)))
            return
        work = Work(
            worker=self._worker,
            settings=settings,
            shares_store=slot.shares_store,
            store_dir=self._config.worker_store_dir,
        )
        timeout_s = settings.config.executor.worker_start_timeout_s
        try:
            self._running[slot.name] = Running(place, work, self._store.root, timeout_s)
        except (RayError, ValueError, TypeError) as error:
            self._ready.append((slot.name, Died(f"cannot be started: {error}")))

    def send(self, slot: str, message: ToWorker) -> None:
        """Sends to the worker of a slot; what is sent to a dead one is dropped."""
        running = self._running.get(slot)
        if running is not None:
            if isinstance(message, HandOut):
                running.serve_files(message)
            running.deliver(message)

    def receive(self, timeout_s: float) -> list[tuple[str, FromWorker]]:
        """Returns what has come in; waits for the first at most so long."""
        received, self._ready = self._ready, []
        waited_s = 0.0 if received else timeout_s
        polls = {running.poll: running for running in self._running.values()}
        if polls:
            for poll in _answered(list(polls), waited_s):
                received += self._taken(polls[poll])
        elif waited_s:
            time.sleep(waited_s)
        for running in list(self._running.values()):
            if running.is_late:
                self.kill_for(running.name, f"not ready within {running.timeout_s:g} s")
        self._leave_drained_nodes()
        return received

    def kill(self, slot: str) -> None:
        """Ends the worker of a slot at once; a `Died` follows."""
        self.kill_for(slot, "ended by the driver")

    def kill_for(self, slot: str, why: str) -> None:
        """Ends the worker of a slot at once, for a reason that its `Died` gives."""
        if slot in self._running:
            self._running[slot].kill(why)

    def close(self) -> None:
        """Ends all workers, and the Ray that was started here."""
        for name in self._running:
            self.send(name, End())
        self._wait_for_ends(END_S)
        for running in self._running.values():
            running.leave("the run ends")
        self._wait_for_ends(LEAVE_S)
        for running in self._running.values():
            running.kill("the run ends")
        for running in (*self._running.values(), *self._over):
            running.close()
        self._running.clear()
        self._session.close()

    def _wait_for_ends(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while self._running and (left_s := until_s - time.monotonic()) > 0:
            self.receive(min(left_s, POLL_S))

    def _taken(self, running: Running) -> list[tuple[str, FromWorker]]:
        """Returns what an answered poll brought, and polls again."""
        try:
            messages = running.take()
        except RayError as error:
            if is_passing(error) and running.may_try_again():
                return []
            return [self._died(running, error)]
        found: list[tuple[str, FromWorker]] = []
        for message in messages:
            if isinstance(message, Ended):
                return [*found, self._ended(running, message)]
            if isinstance(message, Ready):
                running.ready_by = float("inf")
            found.append((running.name, message))
        return found

    def _ended(self, running: Running, ended: Ended) -> tuple[str, FromWorker]:
        self._remove(running)
        reason = ended.reason or running.killed_for or "ended"
        if ended.is_hopeless:
            reason = f"{running.place.slot.node or 'this machine'}: {reason}"
        return self._told(running, Died(reason, is_place_gone=ended.is_hopeless))

    def _died(self, running: Running, error: RayError) -> tuple[str, FromWorker]:
        log.debug("the end of worker %s, as Ray tells it: %s", running.name, error)
        self._remove(running)
        is_gone = not self._nodes.is_alive(running.place.node)
        died = death_of(error, running.place.slot.node, is_gone=is_gone, killed_for=running.killed_for)
        return self._told(running, died)

    def _told(self, running: Running, died: Died) -> tuple[str, FromWorker]:
        if died.is_place_gone:
            self._lost.add(running.name)
        return running.name, died

    def _remove(self, running: Running) -> None:
        del self._running[running.name]
        running.kill("")
        self._over.append(running)

    def _leave_drained_nodes(self) -> None:
        now_s = time.monotonic()
        if not self._running or now_s - self._drained_s < DRAINED_EVERY_S:
            return
        self._drained_s = now_s
        for node in self._nodes.drained():
            for running in self._running.values():
                if running.place.node == node:
                    running.leave("its node is being taken away")


def _answered(polls: list[Any], timeout_s: float) -> list[Any]:
    """Returns the polls that have an answer; waits for the first."""
    first, _ = ray.wait(polls, num_returns=1, timeout=timeout_s)
    if not first:
        return []
    found, _ = ray.wait(polls, num_returns=len(polls), timeout=0)
    return found
