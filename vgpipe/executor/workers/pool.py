"""Where workers run: what the driver asks of processes of this machine, of a Ray cluster, or of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vgpipe.executor.workers.messages import FromWorker, ToWorker, WorkerSettings


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in which one worker can run.

    Attributes:
        name: of the worker in it: `cuda:0`, `cpu-1`, `node-2/cuda:0`.
        device: torch device string that the worker uses, as it counts devices.
        node: the machine; "" for this one.
        shares_store: whether the worker sees the driver's store folder.
    """

    name: str
    device: str
    node: str = ""
    shares_store: bool = True


class WorkerPool(Protocol):
    """Starts workers, carries messages, and notices their death. Used by one thread, the driver's.

    No method raises for what happens to a worker: that is a `Died`, once for each start, and the last message of it.
    """

    def slots(self) -> Sequence[Slot]:
        """Returns the places that there are now; nodes may have joined or left."""

    def start(self, slot: Slot, settings: WorkerSettings) -> None:
        """Starts a worker in a slot that has none; returns at once. A `Ready` or a `Died` follows."""

    def send(self, slot: str, message: ToWorker) -> None:
        """Sends to the worker of a slot; what is sent to a dead one is dropped."""

    def receive(self, timeout_s: float) -> list[tuple[str, FromWorker]]:
        """Returns what has come in, each with the name of its slot; waits for the first at most so long."""

    def kill(self, slot: str) -> None:
        """Ends the worker of a slot at once; a `Died` follows."""

    def close(self) -> None:
        """Ends all workers, at once where they do not end by themselves within seconds; nothing is left behind."""
