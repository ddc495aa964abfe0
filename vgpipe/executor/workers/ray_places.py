"""Where on the nodes of a cluster workers run, and what each of them takes of its node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vgpipe.executor.workers.pool import Slot
from vgpipe.units import GIB

CPU, GPU, MEMORY = "CPU", "GPU", "memory"


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster.

    Attributes:
        id: as Ray names it.
        name: as the user reads it; "" for the only node of a Ray that was started here.
        resources: what it has in all, as Ray counts it; memory in bytes.
        shares_store: whether it sees the driver's store folder.
    """

    id: str
    name: str
    resources: Mapping[str, float]
    shares_store: bool = True

    def amount(self, resource: str) -> float:
        """Returns how much it has of a resource."""
        return self.resources.get(resource, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a worker needs.

    Attributes:
        gpus: 0 or 1; 0 means that workers take CPUs.
        cpus: None: 1 beside a GPU; without one the workers of a node share its CPUs.
        memory_gb: RAM, GiB; None where it is not known.
        resources: further ones.
    """

    gpus: int = 1
    cpus: int | None = None
    memory_gb: float | None = None
    resources: Mapping[str, float] = field(default_factory=dict)

    def fitting(self, node: Node) -> int:
        """Returns how many workers a node can hold."""
        wanted = {GPU: float(self.gpus), CPU: float(self.cpus or 1), **self.resources}
        if self.memory_gb is not None and MEMORY in node.resources:
            wanted[MEMORY] = self.memory_gb * GIB
        return int(min(node.amount(name) // amount for name, amount in wanted.items() if amount > 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A slot with what Ray has to reserve for it.

    Attributes:
        slot: the slot.
        node: id of its node.
        gpus: to reserve.
        cpus: the same.
        memory_bytes: the same; None reserves none.
        resources: the same.
    """

    slot: Slot
    node: str
    gpus: int
    cpus: int
    memory_bytes: int | None
    resources: Mapping[str, float]


def need_for(nodes: Iterable[Node], need: Need, *, on_cpu: bool) -> Need:
    """Returns what workers need in a cluster: GPUs where any node has them, unless they are to use CPUs."""
    has_gpus = any(node.amount(GPU) >= 1 for node in nodes)
    gpus = need.gpus if has_gpus and not on_cpu else 0
    return Need(gpus=gpus, cpus=need.cpus, memory_gb=need.memory_gb, resources=need.resources)


def places(nodes: Sequence[Node], need: Need, most: int | None, held: Mapping[str, int]) -> list[Place]:
    """Returns the places for workers: one on each node, then a second on each that holds two, and so on.

    Args:
        nodes: those that are alive, in the order in which they came.
        need: of a worker.
        most: how many places there may be; None: all that fit.
        held: node id -> how many places it had before, which it keeps.
    """
    room = {node.id: need.fitting(node) for node in nodes}
    counts = {node.id: min(held.get(node.id, 0), room[node.id]) for node in nodes}
    while most is None or sum(counts.values()) < most:
        free = [node.id for node in nodes if counts[node.id] < room[node.id]]
        if not free:
            break
        counts[min(free, key=lambda one: counts[one])] += 1
    return [_place(node, number, counts[node.id], need) for node in nodes for number in range(counts[node.id])]


def _place(node: Node, number: int, count: int, need: Need) -> Place:
    own = f"cuda:{number}" if need.gpus else f"cpu-{number + 1}"
    name = f"{node.name}/{own}" if node.name else own
    # Ray hides the other GPUs from a worker, so that its own is the first for it.
    slot = Slot(name, "cuda:0" if need.gpus else "cpu", node.name, node.shares_store)
    cpus = need.cpus or (1 if need.gpus else max(1, int(node.amount(CPU)) // count))
    memory_bytes = None if need.memory_gb is None or MEMORY not in node.resources else int(need.memory_gb * GIB)
    return Place(
        slot=slot, node=node.id, gpus=need.gpus, cpus=cpus, memory_bytes=memory_bytes, resources=dict(need.resources)
    )
