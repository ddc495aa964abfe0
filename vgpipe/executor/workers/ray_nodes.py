"""The nodes of a cluster: which are there, what they are called, and which of them see the driver's store."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vgpipe.executor.workers.ray_actor import look_at_store
from vgpipe.executor.workers.ray_death import death_of
from vgpipe.executor.workers.ray_places import Node
from vgpipe.store.artifacts import Store
from vgpipe.store.durable import temporary_path

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""Seconds that a node has to say whether it sees the driver's store; then it gets no worker."""
FIRST_LOOK_S = 15.0
"""Seconds for which the nodes that are there at first are waited for."""


@dataclass(frozen=True, slots=True)
class _Look:
    """A question to a node, whether it sees a file of the driver's store."""

    answer: Any
    probe: Path
    until_s: float


class Nodes:
    """The nodes of the cluster that this process has joined.

    Args:
        store: the driver's; gets a small file for as long as nodes look for it.
        is_local: whether Ray was started here, so that there is no node but this one.
    """

    def __init__(self, store: Store, *, is_local: bool):
        self._store, self._is_local = store, is_local
        self._names: dict[str, str] = {}
        self._looks: dict[str, _Look] = {}
        self._sees: dict[str, bool] = {}
        self._last_list: list[dict[str, Any]] = []
        self._is_first = True

    def alive(self) -> list[Node]:
        """Returns the nodes that can have workers, in the order in which they came; new ones are looked at first."""
        found = {one["NodeID"]: one for one in self._listed() if one["Alive"]}
        for node, facts in sorted(found.items(), key=lambda item: (not _is_head(item[1]), item[0])):
            if node not in self._names:
                self._add(node, facts)
        self._look(FIRST_LOOK_S if self._is_first else 0.0)
        self._is_first = False
        drained = set(self.drained())
        return [
            Node(node, name, found[node]["Resources"], self._sees[node])
            for node, name in self._names.items()
            if node in found and node in self._sees and node not in drained
        ]

    def _listed(self) -> list[dict[str, Any]]:
        """Returns what Ray says of all nodes; what it last said where its head is out of reach."""
        with suppress(RayError, RuntimeError, OSError):
            self._last_list = ray.nodes()
        return self._last_list

    def is_alive(self, node: str) -> bool:
        """Says whether a node is still there."""
        with suppress(RayError, RuntimeError):
            return any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())
        return False

    def drained(self) -> list[str]:
        """Returns the ids of the nodes that are being taken away."""
        # Ray's own libraries ask it like this; a version that has another way leaves the notice unseen.
        with suppress(Exception):
            from ray._private.state import state

            return list(state.get_draining_nodes())
        return []

    def _add(self, node: str, facts: Mapping[str, Any]) -> None:
        """Names a node, by its host; a name is never given twice, so that what is said of one node stays true."""
        host = str(facts["NodeManagerHostname"])
        taken = set(self._names.values())
        names = (host if number == 1 else f"{host}-{number}" for number in range(1, len(taken) + 2))
        self._names[node] = "" if self._is_local else next(name for name in names if name not in taken)
        if self._is_local:
            self._sees[node] = True
            return
        look = ray.remote(num_cpus=0, max_retries=0)(_look)
        where = NodeAffinitySchedulingStrategy(node, soft=False)
        probe, content = self._probe(node)
        answer = look.options(scheduling_strategy=where).remote(str(probe), content)
        self._looks[node] = _Look(answer, probe, time.monotonic() + LOOK_S)

    def _probe(self, _node: str) -> tuple[Path, str]:
        """Returns a new file in the store, and what is in it: a folder of the same name proves nothing."""
        probe, content = temporary_path(self._store.root / "probe"), uuid.uuid4().hex
        with suppress(OSError):
            probe.write_text(content, "utf-8")
        return probe, content

    def _look(self, seconds: float) -> None:
        """Takes the answers of new nodes."""
        until_s = time.monotonic() + seconds
        for node, look in list(self._looks.items()):
            done, _ = ray.wait([look.answer], timeout=max(0.0, until_s - time.monotonic()))
            if done or time.monotonic() >= look.until_s:
                del self._looks[node]
                self._take(node, look)
                with suppress(OSError):
                    look.probe.unlink(missing_ok=True)

    def _take(self, node: str, look: _Look) -> None:
        name = self._names[node]
        try:
            self._sees[node] = ray.get(look.answer, timeout=0.1)
        except GetTimeoutError:
            log.warning("node %s gets no worker: no answer within %.0f s", name, LOOK_S)
        except RayError as error:
            reason = death_of(error, name, is_gone=not self.is_alive(node), killed_for="").reason
            log.warning("node %s gets no worker: %s", name, reason)
        else:
            seen = "the same store folder" if self._sees[node] else "a store folder of its own"
            log.info("node %s has joined, with %s", name, seen)


def _look(probe: str, content: str) -> bool:
    return look_at_store(probe, content)


def _is_head(facts: Mapping[str, Any]) -> bool:
    return "node:__internal_head__" in facts["Resources"]
