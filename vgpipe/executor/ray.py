"""The executor `ray`: workers are actors of a Ray cluster, which may be started here for one run."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from vgpipe.clips.clip_state import ClipState
from vgpipe.config.executor_schema import RayConfig
from vgpipe.errors import ConfigError, Fault
from vgpipe.executor.base import ExecutorInputs
from vgpipe.executor.finished_first import FinishedFirst
from vgpipe.units import to_gib

if TYPE_CHECKING:
    from vgpipe.executor.workers.ray_pool import RayPool

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""Between two looks at whether a node that holds a worker has joined."""
MOST = 1024


class RayExecutor:
    """Makes clips on a Ray cluster; also a single worker is an actor.

    Args:
        inputs: what it is given.

    Raises:
        ConfigError: where the config is not one of this executor.
    """

    def __init__(self, inputs: ExecutorInputs):
        if not isinstance(inputs.config.executor, RayConfig):
            name = inputs.config.executor.name
            raise ConfigError("invalid configuration", [Fault("executor.name", f"{name!r} is not ray", "executor=ray")])
        self._inputs, self._config = inputs, inputs.config.executor
        self._first = FinishedFirst(inputs)

    def run(self, states: Sequence[ClipState]) -> None:
        """Makes every pending clip that is not in the store yet; see `Executor.run`."""
        pending = self._first.take(states)
        if not pending:
            return
        from vgpipe.executor.driver.crew import CrewSettings
        from vgpipe.executor.driver.drive import Driver

        inputs = self._inputs
        if inputs.kept is not None:
            inputs.kept.release()  # workers of this machine need the memory
        with ExitStack() as opened:
            pool = self._pool(pending)
            opened.callback(pool.close)
            share = self._await_place(pool)
            if not share:
                return
            opened.pop_all()  # the driver closes it
            most = self._config.workers if isinstance(self._config.workers, int) else MOST
            crew = CrewSettings(pool=pool, most=most, cpu_share=share, wait_s=self._config.wait_for_workers_s)
            driver = Driver(inputs, self._first.history, self._first.delivery, crew, states)
            if not driver.make(pending):
                inputs.stop.cancel(f"no worker can be started ({driver.why_no_worker})")

    def _pool(self, pending: Sequence[ClipState]) -> RayPool:
        from vgpipe.executor.workers.ray_pool import RayPool
        from vgpipe.executor.workers.ray_session import taken_session

        return RayPool(
            taken_session(self._config.address),
            self._config,
            self._inputs.finished.store,
            memory_gb=self._planned_gb(pending),
            on_cpu=self._inputs.config.hardware.device == "cpu",
        )

    def _planned_gb(self, pending: Sequence[ClipState]) -> float | None:
        """Returns the RAM that a worker needs by the plan, GiB; None where nothing is planned."""
        plan = self._inputs.plan
        if plan is None:
            return None
        found = [plan.forecast_of(segment.planned) for state in pending for segment in state.segments]
        return max((to_gib(one.ram_bytes) for one in found if one is not None), default=None)

    def _await_place(self, pool: RayPool) -> int:
        """Waits for a node that holds a worker; returns how many the fullest node has, 0 where the run is to stop."""
        until_s, is_told = time.monotonic() + self._config.wait_for_workers_s, False
        while not (slots := pool.slots()):
            if self._inputs.stop():
                return 0
            if time.monotonic() >= until_s:
                self._inputs.stop.cancel(f"no node of the cluster holds a worker ({pool.what_a_worker_takes})")
                return 0
            if not is_told:
                is_told = True
                wait_s, takes = self._config.wait_for_workers_s, pool.what_a_worker_takes
                log.warning("no node of the cluster holds a worker (%s): waiting %g s for one", takes, wait_s)
            time.sleep(LOOK_EVERY_S)
        return max(Counter(slot.node for slot in slots).values())
