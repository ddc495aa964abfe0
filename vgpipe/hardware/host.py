"""What the host itself has: RAM, processor, disk."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from pathlib import Path

from vgpipe.hardware import cgroup

MEMINFO, CPUINFO = Path("/proc/meminfo"), Path("/proc/cpuinfo")
AMDGPU_VERSION = Path("/sys/module/amdgpu/version")  # absent for the driver inside the kernel


def ram_bytes() -> tuple[int | None, int | None]:
    """Returns (total, available) RAM of the machine in bytes, whatever a cgroup allows.

    Where the system tells no available RAM (macOS), half of the total is taken for it; None is what cannot be told.
    """
    facts = _meminfo()
    if "MemTotal" in facts:
        return facts["MemTotal"], facts.get("MemAvailable")
    if sys.platform == "win32":
        return _windows_ram_bytes()
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None, None
    return total, total // 2


def total_ram_bytes() -> int | None:
    """Returns the RAM that this process may take in all: the machine's, or its cgroup's limit; None if not told."""
    told = [size for size in (ram_bytes()[0], cgroup.read().limit_bytes) if size is not None]
    return min(told, default=None)


def available_ram_bytes() -> int | None:
    """Returns the RAM that may still be taken under the cgroup limit, in bytes; None where it cannot be told."""
    told = [room for room in (ram_bytes()[1], cgroup.read().room_bytes) if room is not None]
    return min(told, default=None)


def _meminfo() -> dict[str, int]:
    try:
        words = [line.split() for line in MEMINFO.read_text().splitlines()]
        return {word[0].rstrip(":"): int(word[1]) * 1024 for word in words if word[1:] and word[1].isdecimal()}
    except OSError:
        return {}


def _windows_ram_bytes() -> tuple[int | None, int | None]:
    """Asks `GlobalMemoryStatusEx`: two 32 bit words, then total and available physical bytes, then five more."""
    status = (ctypes.c_uint64 * 8)()
    status[0] = ctypes.sizeof(status)  # the first word is the size of the structure
    windll = getattr(ctypes, "windll", None)
    if windll is None or not windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return int(status[1]), int(status[2])


def cpu_name() -> str:
    """Returns the processor's name as the system gives it."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, named), "") or platform.processor() or platform.machine() or "CPU"


def cores() -> int:
    """Returns how many logical cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def disk_free_bytes(folder: Path) -> int | None:
    """Returns the free bytes where `folder` is, or will be made; None where that cannot be told."""
    absolute = folder.absolute()
    try:
        return shutil.disk_usage(next(path for path in (absolute, *absolute.parents) if path.exists())).free
    except (OSError, StopIteration):
        return None
