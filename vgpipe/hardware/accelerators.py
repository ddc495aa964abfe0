"""Lists the accelerators that torch can use on this machine, without importing torch into this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from vgpipe.hardware.machine_notes import FactStore, machine_key, may_have_accelerator
from vgpipe.hardware.nvml import Card, cards
from vgpipe.hardware.probes import accelerators, rounded_gib
from vgpipe.hardware.records import Device, device_from_json

LIMIT_S = 120.0
"""torch from a cold hard disk takes most of a minute."""
# The child sees exactly the modules that this interpreter sees, however it was started.
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from vgpipe.hardware.accelerators import main; main()"
)
Facts = list[dict[str, Any]]


def usable_accelerators(notes: FactStore, ask: Callable[[], Facts] | None = None) -> tuple[Device, ...]:
    """Returns the accelerators that the installed torch can compute on, in torch's order, with what is free on them.

    Args:
        notes: where torch's answer is stored.
        ask: asks torch; default: in this process where torch is imported already, else in another one, which takes a
            second or two.
    """
    if not may_have_accelerator():
        return ()
    known = cards()
    key = {**machine_key("all", known), "accelerators": 1}
    noted = notes.find(key)
    found = _devices(noted, known) if isinstance(noted, list) else None
    if found is None:
        facts = (ask or _ask)()
        notes.remember(key, facts)
        found = tuple(device_from_json(one["device"]) for one in facts)
    return tuple(device for device in found if device.usable)


def _devices(noted: Facts, known: Sequence[Card]) -> tuple[Device, ...] | None:
    """Returns noted devices with what is free on them now; None where only torch knows that."""
    free = {card.uuid: card.free_bytes for card in known if card.uuid and card.free_bytes is not None}
    if any(one["uuid"] not in free for one in noted):
        return None
    return tuple(
        replace(device_from_json(one["device"]), free_memory_gb=rounded_gib(free[one["uuid"]])) for one in noted
    )


def _ask() -> Facts:
    return facts_of_torch() if "torch" in sys.modules else _ask_child()


def _ask_child() -> Facts:
    """Asks torch in a process of its own; where that crashes or hangs, there is no accelerator."""
    try:
        command = [sys.executable, "-c", START, json.dumps(sys.path)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=True)
        facts: Facts = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return []
    return facts


def main() -> None:
    """Writes the accelerators as one line of JSON, for the process that asks."""
    sys.stdout.write(json.dumps(facts_of_torch()) + "\n")


def facts_of_torch(torch: Any = None) -> Facts:
    """Returns every accelerator of torch as plain values, with the number by which NVIDIA's driver knows it.

    Args:
        torch: the torch module; None imports it.
    """
    if torch is None:
        import torch
    found, _ = accelerators(torch, cards())
    return [{"device": asdict(device), "uuid": _uuid(torch, device)} for device in found]


def _uuid(torch: Any, device: Device) -> str:
    if device.kind != "cuda":
        return ""
    return str(getattr(torch.cuda.get_device_properties(device.index), "uuid", "")).removeprefix("GPU-").lower()
