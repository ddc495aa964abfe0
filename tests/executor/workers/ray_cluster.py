"""A cluster of three nodes on this machine, one worker each, whose nodes have folders of their own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster
from ray.core.generated import autoscaler_pb2

from vgpipe.executor.workers.ray_session import RaySession
from vgpipe.store.artifacts import Store

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}

SOON_NOTICED = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
"""Ray notices a node that is gone within a second; by default it takes a quarter of a minute."""


class Nodes3:
    """A head and two more nodes.

    Args:
        folder: gets a cache folder for each node.
    """

    def __init__(self, folder: Path):
        self._folder, self._count = folder, 0
        head: dict[str, Any] = {
            **NODE,
            "_system_config": SOON_NOTICED,
            "include_dashboard": False,
            "env_vars": self._environment(),
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            self.add()

    @property
    def address(self) -> str:
        """The address that others join it at."""
        return self._cluster.address

    def session(self) -> RaySession:
        """Joins the cluster."""
        return RaySession(self.address)

    def add(self):
        """Adds a node."""
        return self._cluster.add_node(**NODE, env_vars=self._environment())

    def remove(self, node) -> None:
        """Takes a node away, at once."""
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node) -> None:
        """Announces that a node will be taken away, as `ray start --block` does on SIGTERM."""
        deadline_ms = int(time.time() * 1000) + 30_000
        reason = autoscaler_pb2.DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION
        is_accepted, _ = node.get_gcs_client().drain_node(node.node_id, reason, "spot", deadline_ms, timeout=10)
        if not is_accepted:
            raise RuntimeError("Ray does not take the node away")

    def stores(self) -> list[Store]:
        """Returns the stores of the nodes."""
        return [Store(path / "store") for path in sorted(self._folder.iterdir())]

    def close(self) -> None:
        """Ends it."""
        self._cluster.shutdown()

    def _environment(self) -> dict[str, str]:
        self._count += 1
        return {"VGPIPE_CACHE": str(self._folder / f"node-{self._count}")}
