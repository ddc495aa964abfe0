"""Reads the RAM, processor and disk of the host."""

from __future__ import annotations

import platform
import shutil
from functools import cache
from pathlib import Path

from vgpipe.hardware import cgroup

CPUINFO = Path("/proc/cpuinfo")
VMSTAT, BOOT_ID = Path("/proc/vmstat"), Path("/proc/sys/kernel/random/boot_id")
AMDGPU_VERSION = Path("/sys/module/amdgpu/version")  # absent for the driver inside the kernel


def ram_bytes() -> tuple[int | None, int | None]:
    """Returns the (total, available) RAM of the machine in bytes, ignoring its cgroup limit; None if unknown."""
    import psutil

    try:
        memory = psutil.virtual_memory()
    except (OSError, RuntimeError, psutil.Error):  # a container that hides the kernel's figures
        return None, None
    return int(memory.total), int(memory.available)


def total_ram_bytes() -> int | None:
    """Returns the RAM that this process may use in total, under its cgroup limit, in bytes; None if unknown."""
    known = [size for size in (ram_bytes()[0], cgroup.read().limit_bytes) if size is not None]
    return min(known, default=None)


def available_ram_bytes() -> int | None:
    """Returns the RAM that is still available under the cgroup limit, in bytes; None if unknown."""
    known = [room for room in (ram_bytes()[1], cgroup.read().room_bytes) if room is not None]
    return min(known, default=None)


def memory_kills() -> int | None:
    """Returns how many processes the system has killed for want of memory since it started; None where it does not say.

    Linux counts those of all cgroups together, also for a container.
    """
    try:
        words = [line.split() for line in VMSTAT.read_text("ascii").splitlines()]
        return next((int(word[1]) for word in words if len(word) == 2 and word[0] == "oom_kill"), None)
    except (OSError, ValueError):
        return None


@cache
def boot_id() -> str:
    """Returns the name of this start of this machine; empty where the system has none."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def cpu_name() -> str:
    """Returns the processor's name as the system reports it."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, named), "") or platform.processor() or platform.machine() or "CPU"


def cores() -> int:
    """Returns how many logical cores this process may use, at least 1."""
    import psutil

    process = psutil.Process()
    usable = process.cpu_affinity() if hasattr(process, "cpu_affinity") else None  # macOS has no affinity
    return len(usable or ()) or psutil.cpu_count() or 1


def disk_free_bytes(folder: Path) -> int | None:
    """Returns the free bytes of the disk that holds `folder`, which need not exist yet; None if unknown."""
    absolute = folder.absolute()
    try:
        return shutil.disk_usage(next(path for path in (absolute, *absolute.parents) if path.exists())).free
    except (OSError, StopIteration):
        return None
