"""What this machine can do: its device and its free memory."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
CGROUP_USES = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))


def pick_device(wanted: str) -> str:
    """Returns the torch device for `hardware.device`.

    Args:
        wanted: `auto`, or a device type that is returned as it is.
    """
    if wanted != "auto":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def free_memory_bytes(device: str) -> int:
    """Returns how much memory components may take on `device` right now, in bytes.

    For the CPU this is the machine's available memory under its cgroup limit; 0 where it cannot be told.
    """
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return min(_available_ram_bytes(), _cgroup_room_bytes())


def _available_ram_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 0


def _cgroup_room_bytes() -> int:
    limit, used = _first_number(CGROUP_LIMITS), _first_number(CGROUP_USES)
    return max(0, limit - used) if limit is not None and used is not None else 1 << 62


def _first_number(paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        try:
            return int(path.read_text())
        except (OSError, ValueError):  # absent, or "max"
            continue
    return None
