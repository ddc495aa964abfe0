"""Measures the peak memory of a piece of work: RAM of this process, and of the GPU where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Peak:
    """Peak memory in GiB while measured; None where it cannot be told."""

    ram_gb: float | None = None
    vram_gb: float | None = None


@contextmanager
def measured(device: str) -> Iterator[Peak]:
    """Measures from entering the block to leaving it, also when it fails.

    Resets the kernel's high-water mark of this process (Linux); elsewhere RAM is the peak since its start.
    """
    peak = Peak()
    _reset(device)
    try:
        yield peak
    finally:
        peak.ram_gb = _peak_ram_gb()
        peak.vram_gb = _peak_vram_gb(device)


def _reset(device: str) -> None:
    with suppress(OSError):
        RESET.write_text("5")
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def _peak_ram_gb() -> float | None:
    try:
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / GIB, 4)
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB, 4)


def _peak_vram_gb(device: str) -> float | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return round(torch.cuda.max_memory_allocated(device) / GIB, 4)
