"""Returns this machine's device and rates, from notes of an earlier process where possible, without importing torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from vgpipe.hardware import host
from vgpipe.hardware.devices import device_of, pick_device
from vgpipe.hardware.nvml import Card, cards
from vgpipe.hardware.probes import cpu_device, rounded_gib
from vgpipe.hardware.rates import (
    Timing,
    attention_tflops,
    conv_tflops,
    copy_gb_s,
    elementwise_gb_s,
    kernel_s,
    matmul_tflops,
)
from vgpipe.hardware.records import Device, device_from_json

DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dri", "/dev/dxg")
LEAST_GAIN = 1.2  # of two threads and more over one
GAIN_OF_THREADS = 0.9  # exponent: two threads do 1.87 times as much as one; assumed
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


class FactStore(Protocol):
    """Stores facts between processes (`vgpipe.store.notes.Notes`)."""

    def find(self, key: dict[str, Any]) -> Any:
        """Returns the fact under a key, or None."""

    def remember(self, key: dict[str, Any], fact: Any) -> None:
        """Stores a fact under a key."""


def current_device(wanted: str, notes: FactStore, ask: Callable[[str], Device] | None = None) -> Device:
    """Returns the device that a run would use; imports torch only if no notes about this machine exist.

    Args:
        wanted: `hardware.device`.
        notes: where torch's answer is stored.
        ask: asks torch; default: `pick_device` and `device_of`.

    Returns:
        The device, with its currently free memory.

    Raises:
        ConfigError: if a named device does not exist.
    """
    if wanted == "cpu" or (wanted == "auto" and not may_have_accelerator()):
        return cpu_device()
    known = cards()
    key = machine_key(wanted, known)
    fact = notes.find(key)
    if isinstance(fact, dict):
        found = device_from_json(fact)
        if (fresh := _with_free_memory(found, known)) is not None:
            return fresh
    found = (ask or _ask_torch)(wanted)
    notes.remember(key, asdict(found))
    return found if found.kind == "cpu" else _with_pcie(found, known)


def may_have_accelerator() -> bool:
    """Returns whether this machine may have a device other than the CPU; does not import torch."""
    try:
        if metadata.version("torch").endswith("+cpu"):
            return False
    except metadata.PackageNotFoundError:
        return False
    return not sys.platform.startswith("linux") or any(Path(driver).exists() for driver in DRIVERS)


def measured_rates(device: Device, threads: int | None, notes: FactStore) -> dict[str, float]:
    """Returns the rates of a device; times those without notes, about 0.2 s each.

    Args:
        device: of this machine.
        threads: CPU threads that a run will use; None: all.
        notes: where the rates are stored, per device, thread count and torch version.

    Returns:
        `float32`, `bfloat16` and, but for CPUs, which compute nothing in it, `float16`: matrix products, 10^12
        operations per second; `conv_float32`, `attention_float32` and so on: those kinds of work; `copy` and
        `elementwise`: 10^9 bytes per second; `kernel`: seconds. Rates that could not be measured are missing.
    """
    count = (threads or host.cores()) if device.kind == "cpu" else None
    key = {"rates": 2, "device": device.name, "threads": count, "torch": _torch_version()}
    known = notes.find(key)
    if not isinstance(known, dict):
        if count is not None and count > 1 and _is_busy(device, count):
            return _scaled(_timed(device, 1), count)  # not remembered: it would be wrong once the others are done
        known = _timed(device, count)
        notes.remember(key, known)
    return {str(name): float(rate) for name, rate in known.items()}


def _is_busy(device: Device, threads: int) -> bool:
    """Returns whether other processes keep the threads of a CPU from working at once."""
    import torch

    alone, together = (
        matmul_tflops(Timing(torch, device.torch_device, count), "float32") or 0.0 for count in (1, threads)
    )
    return together < LEAST_GAIN * alone


def _scaled(rates: dict[str, float], threads: int) -> dict[str, float]:
    """Returns the rates of several threads, as far as those of one tell."""
    gain = threads**GAIN_OF_THREADS
    return {name: rate if name == "kernel" else rate * gain for name, rate in rates.items()}


def _timed(device: Device, threads: int | None) -> dict[str, float]:
    import torch

    timing = Timing(torch, device.torch_device, threads)
    dtypes = ("float32", "bfloat16") if device.kind == "cpu" else ("float32", "bfloat16", "float16")
    rates = {dtype: matmul_tflops(timing, dtype) for dtype in dtypes}
    rates |= {f"conv_{dtype}": conv_tflops(timing, dtype) for dtype in dtypes}
    rates |= {f"attention_{dtype}": attention_tflops(timing, dtype) for dtype in dtypes}
    rates |= {"copy": copy_gb_s(timing), "elementwise": elementwise_gb_s(timing), "kernel": kernel_s(timing)}
    return {name: rate for name, rate in rates.items() if rate is not None}


def _ask_torch(wanted: str) -> Device:
    return device_of(pick_device(wanted))


def machine_key(wanted: str, known: tuple[Card, ...]) -> dict[str, Any]:
    """Returns everything that torch's answer may depend on, as the key of its note."""
    return {
        "device": 1,
        "wanted": wanted,
        "torch": _torch_version(),
        "cards": [[card.uuid, card.name, card.driver] for card in known],
        "drivers": [driver for driver in DRIVERS if Path(driver).exists()],
        "visible": {name: os.environ.get(name) for name in VISIBLE},
        "host": [host.cpu_name(), host.ram_bytes()[0]],
    }


def _torch_version() -> str | None:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None


def _with_free_memory(device: Device, known: tuple[Card, ...]) -> Device | None:
    """Returns the device with its currently free memory; None if only torch knows that."""
    if device.kind == "cpu":
        return cpu_device()
    same = [card for card in known if card.name == device.name]
    if device.kind != "cuda" or len(same) != 1 or same[0].free_bytes is None:
        return None
    return _with_pcie(replace(device, free_memory_gb=rounded_gib(same[0].free_bytes)), known)


def _with_pcie(device: Device, known: tuple[Card, ...]) -> Device:
    same = [card for card in known if card.name == device.name]
    return replace(device, pcie=same[0].pcie) if same and device.pcie is None else device
