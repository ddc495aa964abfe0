"""Times how fast a device multiplies and copies, which data sheets do not state for processors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

ENOUGH_S = 0.2
SIDE = 1024  # as in a linear layer of a small model; larger matrices are no faster on a processor
COPIED_BYTES = 64 << 20  # more than the caches hold


def matmul_tflops(dtype: str, torch_device: str = "cpu", threads: int | None = None, torch: Any = None) -> float | None:
    """Times matrix products for about 0.2 s.

    Args:
        dtype: torch's name of the precision, such as `bfloat16`.
        torch_device: torch device string.
        threads: CPU threads; None: torch's default.
        torch: the torch module; None imports it.

    Returns:
        10^12 operations per second, a multiply-add counting as two; None if the device lacks the precision.
    """
    if torch is None:
        import torch
    try:
        left = torch.randn(SIDE, SIDE, device=torch_device).to(getattr(torch, dtype))
        seconds = _with_threads(torch, threads, lambda: _seconds(torch, torch_device, lambda: left @ left))
    except (RuntimeError, TypeError) as error:
        log.debug("%s on %s cannot be timed: %s", dtype, torch_device, error)
        return None
    return float(2 * SIDE**3 / seconds / 1e12)


def copy_gb_s(torch_device: str = "cpu", torch: Any = None) -> float | None:
    """Times copies inside the device's memory for about 0.2 s.

    Args:
        torch_device: torch device string.
        torch: the torch module; None imports it.

    Returns:
        10^9 bytes per second, counting read and written bytes; None if it cannot be timed.
    """
    if torch is None:
        import torch
    try:
        source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=torch_device)
        target = torch.zeros_like(source)
        seconds = _seconds(torch, torch_device, lambda: target.copy_(source))
    except (RuntimeError, TypeError) as error:
        log.debug("copies on %s cannot be timed: %s", torch_device, error)
        return None
    return float(2 * COPIED_BYTES / seconds / 1e9)


def _with_threads(torch: Any, threads: int | None, time_it: Callable[[], float]) -> float:
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        return time_it()
    finally:
        torch.set_num_threads(before)


def _seconds(torch: Any, torch_device: str, work: Callable[[], Any]) -> float:
    """Returns the seconds of the fastest repetition within `ENOUGH_S`, because other processes share the machine."""
    best, spent = float("inf"), 0.0
    _finish(torch, torch_device, work)  # the first repetition selects a kernel
    while spent < ENOUGH_S:
        started = time.perf_counter()
        _finish(torch, torch_device, work)
        took = time.perf_counter() - started
        best, spent = min(best, took), spent + took
    return max(best, 1e-9)


def _finish(torch: Any, torch_device: str, work: Callable[[], Any]) -> None:
    work()
    kind = torch_device.partition(":")[0]
    if kind != "cpu":
        getattr(torch, kind).synchronize()
