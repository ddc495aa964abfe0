"""Measures the peak memory of some work: RAM of this process, and of the GPU where there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vgpipe.memory import budget
from vgpipe.units import GIB

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class PeakMemory:
    """Peak memory in GiB while measured; None where it cannot be measured.

    Attributes:
        ram_gb: RAM of this process.
        vram_gb: the GPU's.
        device_gb: live tensors on the device that computes, unrounded: a GPU's, or the CPU's under an enforced budget.
    """

    ram_gb: float | None = None
    vram_gb: float | None = None
    device_gb: float | None = None


@contextmanager
def measured(device: str) -> Iterator[PeakMemory]:
    """Measures from entering the block to leaving it, also when it fails.

    Resets the kernel's high-water mark of this process (Linux); elsewhere RAM is the peak since its start.
    """
    peak = PeakMemory()
    _reset(device)
    try:
        yield peak
    finally:
        peak.ram_gb = _peak_ram_gb()
        device_bytes = _peak_device_bytes(device)
        peak.device_gb = None if device_bytes is None else device_bytes / GIB
        peak.vram_gb = round(peak.device_gb, 4) if peak.device_gb is not None and device.startswith("cuda") else None


def _reset(device: str) -> None:
    with suppress(OSError):
        RESET.write_text("5")
    budget.take_peak_bytes()
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


def _peak_device_bytes(device: str) -> int | None:
    if not device.startswith("cuda"):
        return budget.take_peak_bytes()
    import torch

    return int(torch.cuda.max_memory_allocated(device))
