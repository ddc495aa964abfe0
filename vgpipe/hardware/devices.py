"""Chooses the device of a run, and computes how much of its memory the components may use."""

from __future__ import annotations

from typing import Any

from vgpipe.errors import ConfigError, Fault
from vgpipe.hardware import host
from vgpipe.hardware.probes import cpu_device, cuda_device, has_kernels, mps_device, mps_free_bytes, xpu_device
from vgpipe.hardware.records import Device
from vgpipe.units import GIB, format_size

AUTO = ("cuda", "xpu", "mps")


def pick_device(wanted: str, torch: Any = None) -> str:
    """Returns the torch device for `hardware.device`.

    Args:
        wanted: `auto`, `cpu`, `cuda`, `mps`, `xpu`, or one of several such as `cuda:1`.
        torch: the torch module; None imports it.

    Returns:
        The wanted device. For `auto`, the first of cuda (ROCm included), xpu, mps and cpu that this machine has and
        that the installed torch has kernels for.

    Raises:
        ConfigError: if a named device does not exist.
    """
    if wanted == "cpu":
        return "cpu"
    torch = _torch(torch)
    if wanted == "auto":
        return next((kind for kind in AUTO if _count(torch, kind) and _can_compute(torch, kind)), "cpu")
    kind, _, index = wanted.partition(":")
    count = _count(torch, kind)
    if int(index or 0) >= count:
        raise ConfigError("unknown device", [_absent(wanted, kind, count, torch)])
    return wanted


def _absent(wanted: str, kind: str, count: int, torch: Any) -> Fault:
    have = f"torch {torch.__version__} finds {count or 'no'} {kind} device{'' if count == 1 else 's'} on this machine"
    remedy = f"type hardware.device={kind}:{count - 1} or lower" if count else "type hardware.device=auto"
    return Fault("hardware.device", f"{wanted!r} is not there: {have}", f"{remedy}; python -m vgpipe doctor lists all")


def _can_compute(torch: Any, kind: str) -> bool:
    """Tells whether this torch has kernels for the first card of a kind; an old or very new card may have none."""
    if kind != "cuda" or torch.version.hip:
        return True
    found = torch.cuda.get_device_properties(0)
    return has_kernels(torch, (found.major, found.minor))


def _count(torch: Any, kind: str) -> int:
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind, None)
    return int(module.device_count()) if module is not None and module.is_available() else 0


def _torch(torch: Any) -> Any:
    if torch is None:
        import torch
    return torch


def device_of(torch_device: str, torch: Any = None) -> Device:
    """Returns the record of a device that torch can use, without asking NVIDIA's driver.

    Args:
        torch_device: from `pick_device`; without an index, the first of its kind.
        torch: the torch module; None imports it.

    Raises:
        ConfigError: if torch has no such device.
    """
    kind, _, index = torch_device.partition(":")
    if kind == "cpu":
        return cpu_device()
    torch = _torch(torch)
    count = _count(torch, kind)
    if int(index or 0) >= count:
        raise ConfigError("unknown device", [_absent(torch_device, kind, count, torch)])
    if kind == "mps":
        return mps_device(torch)
    return (cuda_device if kind == "cuda" else xpu_device)(torch, int(index or 0))


def free_memory_bytes(device: str, memory_limit_gb: float | None = None, torch: Any = None) -> int:
    """Returns how much memory components may use on `device` right now, in bytes.

    Args:
        device: torch device string.
        memory_limit_gb: limit on all memory in use at once, including what is in use already, GiB; None: no limit.
        torch: the torch module; None imports it where the device needs it.

    Returns:
        For the CPU, the machine's available memory under its cgroup limit (Python's own memory does not count towards
        `memory_limit_gb`); 0 if unknown.
    """
    free, used = _free_and_used(device, torch)
    return free if memory_limit_gb is None else max(0, min(free, int(memory_limit_gb * GIB) - used))


def _free_and_used(device: str, torch: Any) -> tuple[int, int]:
    kind = device.partition(":")[0]
    if kind == "cpu":
        return host.available_ram_bytes() or 0, 0
    torch = _torch(torch)
    if kind == "mps":
        return mps_free_bytes(torch), int(torch.mps.driver_allocated_memory())
    module = getattr(torch, kind)
    used = int(module.memory_allocated(device))
    idle = int(module.memory_reserved(device)) - used  # torch keeps freed memory for the next tensor
    return int(module.mem_get_info(device)[0]) + idle, used


def placement(
    device: Device, *, name: str, memory_gb: float | None = None, memory_limit_gb: float | None = None
) -> str:
    """Describes in one line where a run computes, and which part of the hardware config applies there.

    Args:
        device: the device of the run.
        name: the hardware config's, such as `rtx3060_12gb`.
        memory_gb: the memory of the card it describes, GiB; None for no card.
        memory_limit_gb: limit on the memory in use, GiB; None: no limit.
    """
    line = f"computing on {device.torch_device} ({device.name}, {format_gib(device.total_memory_gb)})"
    if memory_limit_gb is None:
        return line
    is_smaller = device.total_memory_gb is not None and device.total_memory_gb < memory_limit_gb
    limit = f"{line}, {'less than the limit of' if is_smaller else 'limited to'} {format_gib(memory_limit_gb)}"
    return (
        limit if memory_gb is None else f"{limit}; hardware={name} sets this limit and otherwise only guides planning"
    )


def format_gib(size_gb: float | None) -> str:
    """Returns a size in GiB as text, `11.8 GiB`; `unknown memory` for None."""
    return "unknown memory" if size_gb is None else format_size(size_gb * GIB)
