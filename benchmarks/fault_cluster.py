"""A Ray cluster of three nodes on this machine for `worker_faults.py --executor ray`, and the faults that need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import watched
from fault_kinds import OF_BOTH, Kind, only_wait
from fault_scene import HERE, Scene
from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
SOON_NOTICED = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
"""Ray notices within a second that a node is gone; by default after a quarter of a minute."""
NODES = 3
OF_RAY = ("IDLE", "DashboardAgent", "RuntimeEnvAgent")
"""What runs on a node without any work."""
FILL = """
import sys, time, numpy, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On
ray.init(address=sys.argv[1], log_to_driver=False)
def fill():
    return [ray.put(numpy.ones(20_000_000, numpy.uint8)) for _ in range(6)]
fill = ray.remote(num_cpus=0)(fill)
held = [fill.options(scheduling_strategy=On(one["NodeID"], soft=True)).remote() for one in ray.nodes() if one["Alive"]]
time.sleep(8)
"""


class Nodes:
    """The cluster; each node has a folder for what vgpipe keeps on it.

    Args:
        folder: gets these folders, and the file in which steps are counted.
    """

    def __init__(self, folder: Path):
        self._folder, self._count = folder, 0
        self.steps_file = folder / "steps"
        self._watch = watched.Watch()
        os.environ |= {
            watched.MARK: self._watch.mark,
            "COUNTED_STEPS": str(self.steps_file),
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # at the end, nodes have nothing to wait for
            "PYTHONPATH": os.pathsep.join([str(HERE / "counted_steps"), os.environ.get("PYTHONPATH", "")]).rstrip(":"),
        }
        head = {**NODE, "_system_config": SOON_NOTICED, "include_dashboard": False, "env_vars": self._own_folder()}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._others: list = []
        self.restore()

    @property
    def address(self) -> str:
        """Where the cluster is joined."""
        return self._cluster.address

    def add(self) -> None:
        """Adds a node."""
        self._others.append(self._cluster.add_node(**NODE, env_vars=self._own_folder()))

    def remove(self) -> None:
        """Takes a node away that is not the head, at once."""
        self._cluster.remove_node(self._others.pop(0), allow_graceful=False)

    def restore(self) -> None:
        """Has as many nodes as at the start, without any files of earlier runs."""
        while len(self._others) < NODES - 1:
            self.add()
        while len(self._others) > NODES - 1:
            self.remove()
        for folder in self._folder.glob("node-*"):
            shutil.rmtree(folder / "store", ignore_errors=True)
        self.steps_file.unlink(missing_ok=True)

    def left_running(self, seconds: float) -> list[str]:
        """Returns the actors and tasks that are still there some seconds after the end of a run."""
        until = time.monotonic() + seconds
        while (left := self._busy()) and time.monotonic() < until:
            time.sleep(0.2)
        return left

    def close(self) -> None:
        """Ends it."""
        self._cluster.shutdown()

    def _busy(self) -> list[str]:
        titles = {one.pid: _title(one.pid) for one in self._watch.alive()}
        return [
            f"{title} ({pid})"
            for pid, title in titles.items()
            if title.startswith("ray::") and not any(one in title for one in OF_RAY)
        ]

    def _own_folder(self) -> dict[str, str]:
        self._count += 1
        return {"VGPIPE_CACHE": str(self._folder / f"node-{self._count}")}


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").strip("\0 ")
    except OSError:
        return ""


def kinds(nodes: Nodes) -> tuple[Kind, ...]:
    """Returns the faults of runs on a cluster."""

    def remove(scene: Scene, steps: int) -> str:
        moment = scene.wait_for_a_moment(steps)
        nodes.remove()
        return moment

    def add(scene: Scene, steps: int) -> str:
        moment = scene.wait_for_a_moment(steps)
        nodes.add()
        return moment

    def exchange(scene: Scene, steps: int) -> str:
        moment = scene.wait_for_a_moment(steps)
        nodes.remove()
        nodes.remove()
        nodes.add()
        return moment

    def fill(scene: Scene, steps: int) -> str:
        moment = scene.wait_for_a_moment(steps)
        command = [sys.executable, "-c", FILL, nodes.address]
        subprocess.run(command, capture_output=True, check=False, timeout=120)
        return moment

    return (
        *OF_BOTH,
        Kind("node-removed", remove),
        Kind("node-added", add),
        Kind("nodes-exchanged", exchange),
        Kind("object-store-full", fill),
        Kind("undisturbed", only_wait),
    )
