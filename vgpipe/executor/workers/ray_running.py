"""One actor that runs a worker, as the driver holds it."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vgpipe.executor.workers.messages import FromWorker, HandOut, ToWorker
from vgpipe.executor.workers.ray_actor import GROUPS, SAME_AS_DRIVER, Ended, Work, WorkerActor
from vgpipe.executor.workers.ray_death import is_passing
from vgpipe.executor.workers.ray_places import Place
from vgpipe.executor.workers.store_service import StoreService
from vgpipe.store.artifacts import Store

log = logging.getLogger(__name__)

POLL_S = 10.0
"""Seconds for which an actor waits for a message to send."""
TRY_AGAIN_S = 60.0
"""Seconds for which an actor may be out of reach, or an object store full, before its worker counts as dead."""
CLOSE_S = 5.0
PAUSE_S = 0.2
FULL_SAID_EVERY_S = 30.0


class Running:
    """An actor with a worker.

    Args:
        place: where it runs, and what is reserved for it.
        work: what it does.
        store_root: folder of the driver's store.
        timeout_s: seconds until its worker has to be ready.

    Attributes:
        poll: the answer that is awaited: the next messages.
        ready_by: when it is too late to be ready, on the monotonic clock; infinity once it is.
        killed_for: why the driver ended it; "" where it did not.
    """

    def __init__(self, place: Place, work: Work, store_root: Path, timeout_s: float):
        self.place, self.timeout_s = place, timeout_s
        self.ready_by, self.killed_for = time.monotonic() + timeout_s, ""
        self._last, self._failing_since_s, self._is_leaving = 0, float("inf"), False
        self._actor = _actor_class().options(**_options(place)).remote(_environment())
        self._begun = self._call("begin", work)
        self.poll = self._call("messages", 0, POLL_S)
        self._service = StoreService(Store(store_root))
        self._line = threading.Thread(target=self._serve, name=f"store of {self.name}", daemon=True)
        self._line.start()

    @property
    def name(self) -> str:
        """The name of its slot."""
        return self.place.slot.name

    @property
    def is_late(self) -> bool:
        """Whether it has had its time to get ready."""
        return time.monotonic() >= self.ready_by

    def deliver(self, message: ToWorker) -> None:
        """Sends a message to the worker."""
        self._call("deliver", message)

    def leave(self, reason: str) -> None:
        """Asks the worker for an orderly stop, once."""
        if not self._is_leaving:
            self._is_leaving = True
            self._call("leave", reason)

    def serve_files(self, hand_out: HandOut) -> None:
        """Lets the node have the images and videos that clips are given."""
        for item in hand_out.items:
            for clip in (item.clip, item.requested):
                for given in clip.given_files:
                    if given.sha256 is not None:
                        self._service.serve_file(given.sha256, Path(given.path))

    def take(self) -> list[FromWorker | Ended]:
        """Returns the messages that the poll brought, and polls for the next ones.

        Raises:
            RayError: where it brought none.
        """
        self._last, messages = ray.get(self.poll)
        self._failing_since_s = float("inf")
        self.poll = self._call("messages", self._last, POLL_S)
        return messages

    def may_try_again(self) -> bool:
        """Polls again, unless that has failed for too long."""
        self._failing_since_s = min(self._failing_since_s, time.monotonic())
        if time.monotonic() - self._failing_since_s > TRY_AGAIN_S:
            return False
        time.sleep(PAUSE_S)
        self.poll = self._call("messages", self._last, POLL_S)
        return True

    def kill(self, why: str) -> None:
        """Ends the actor at once."""
        self.killed_for = self.killed_for or why
        self.ready_by = float("inf")
        self._end()

    def close(self) -> None:
        """Waits until what serves its store has noticed its end, and removed what had arrived in part."""
        self._line.join(CLOSE_S)

    def _end(self) -> None:
        with suppress(RayError, ValueError):
            ray.kill(self._actor, no_restart=True)

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._actor, method).remote(*arguments)

    def _serve(self) -> None:
        """Answers what the worker asks the driver's store, until its actor is dead."""
        try:
            self._answer_all()
        finally:
            self._service.close()

    def _answer_all(self) -> None:
        number, answer, said_s = 0, None, 0.0
        while True:
            try:
                number, request = ray.get(self._call("exchange", number, answer))
            except RayError as error:
                if not is_passing(error) or self.killed_for:
                    self._end()  # if it is alive, it waits for an answer that does not come
                    return
                if time.monotonic() - said_s > FULL_SAID_EVERY_S:
                    said_s = time.monotonic()
                    log.warning("%s waits to reach the driver's store: %s", self.name, str(error).splitlines()[0])
                time.sleep(PAUSE_S)
                continue
            answer = self._service.answer(request)


def _actor_class() -> Any:
    return ray.remote(concurrency_groups=GROUPS)(WorkerActor)  # type: ignore[call-overload] # it has no such option


def _options(place: Place) -> dict[str, Any]:
    reserved: dict[str, Any] = {"num_cpus": place.cpus, "num_gpus": place.gpus, "resources": dict(place.resources)}
    if place.memory_bytes is not None:
        reserved["memory"] = place.memory_bytes
    where = NodeAffinitySchedulingStrategy(place.node, soft=False)
    return {**reserved, "scheduling_strategy": where, "max_restarts": 0, "max_task_retries": 0}


def _environment() -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in SAME_AS_DRIVER}
