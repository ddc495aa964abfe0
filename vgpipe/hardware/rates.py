"""Times how fast a device does each kind of work, which data sheets do not state for processors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

ENOUGH_S = 0.2
SIDE = 512  # larger matrices are no faster on a processor, and other processes disturb a short product less
COPIED_BYTES = 64 << 20  # more than the caches hold, and more than glibc keeps: its pages are new to each copy
CHANNELS, FRAMES, PIXELS, KERNEL = (64, 128), 4, 32, 3
"""Of two convolutions' results, as inside a decoder: one alone may meet a shape that oneDNN has no fast kernel for."""
HEADS, TOKENS, HEAD = 8, 512, 64  # of attention
TINY_CALLS = 200


@dataclass(frozen=True, slots=True)
class Timing:
    """What is timed, and on what.

    Attributes:
        torch: the module.
        torch_device: device string.
        threads: CPU threads; None is torch's default.
    """

    torch: Any
    torch_device: str = "cpu"
    threads: int | None = None


def matmul_tflops(timing: Timing, dtype: str) -> float | None:
    """Times matrix products for about 0.2 s.

    Args:
        timing: on what.
        dtype: torch's name of the precision, such as `bfloat16`.

    Returns:
        10^12 operations per second, a multiply-add counting as two; None if the device lacks the precision.
    """

    def make() -> Callable[[], Any]:
        left = _random(timing, dtype, SIDE, SIDE)
        return lambda: left @ left

    return _rate(timing, f"{dtype} products", make, 2 * SIDE**3 / 1e12)


def conv_tflops(timing: Timing, dtype: str) -> float | None:
    """Times convolutions in three dimensions for about 0.2 s; returns what `matmul_tflops` does."""
    flops = sum(2 * count**2 * KERNEL**3 * FRAMES * PIXELS**2 for count in CHANNELS)

    def make() -> Callable[[], Any]:
        sizes = [size + KERNEL - 1 for size in (FRAMES, PIXELS, PIXELS)]  # decoders pad by themselves
        pairs = [
            (_random(timing, dtype, 1, count, *sizes), _random(timing, dtype, count, count, KERNEL, KERNEL, KERNEL))
            for count in CHANNELS
        ]
        return lambda: [timing.torch.nn.functional.conv3d(video, weight) for video, weight in pairs]

    return _rate(timing, f"{dtype} convolutions", make, flops / 1e12)


def attention_tflops(timing: Timing, dtype: str) -> float | None:
    """Times attention proper for about 0.2 s; returns what `matmul_tflops` does."""

    def make() -> Callable[[], Any]:
        query = _random(timing, dtype, 1, HEADS, TOKENS, HEAD)
        return lambda: timing.torch.nn.functional.scaled_dot_product_attention(query, query, query)

    return _rate(timing, f"{dtype} attention", make, 4 * HEADS * TOKENS**2 * HEAD / 1e12)


def copy_gb_s(timing: Timing) -> float | None:
    """Times copies inside the device's memory for about 0.2 s.

    Returns:
        10^9 bytes per second, counting read and written bytes; None if it cannot be timed.
    """

    def make() -> Callable[[], Any]:
        source = timing.torch.zeros(COPIED_BYTES, dtype=timing.torch.uint8, device=timing.torch_device)
        target = timing.torch.zeros_like(source)
        return lambda: target.copy_(source)

    return _rate(timing, "copies", make, 2 * COPIED_BYTES / 1e9)


def elementwise_gb_s(timing: Timing) -> float | None:
    """Times operations on every element, whose results take new memory, for about 0.2 s.

    Returns:
        10^9 bytes per second, counting what each of them reads and writes; None if it cannot be timed.
    """
    torch, half = timing.torch, COPIED_BYTES

    def make() -> Callable[[], Any]:
        values = _random(timing, "bfloat16", half // 2)

        def work() -> Any:
            wide = values.float()  # reads one half, writes two
            return torch.nn.functional.silu(wide) * wide, values + values

        return work

    return _rate(timing, "operations on elements", make, (3 + 4 + 6 + 3) * half / 1e9)


def kernel_s(timing: Timing) -> float | None:
    """Returns the seconds that an operation on one element takes; times it for 0.2 s, None if that fails."""

    def make() -> Callable[[], Any]:
        one = _random(timing, "float32", 1)
        return lambda: [one + one for _ in range(TINY_CALLS)]

    rate = _rate(timing, "small operations", make, TINY_CALLS)
    return 1 / rate if rate else None


def _random(timing: Timing, dtype: str, *sizes: int) -> Any:
    return timing.torch.randn(*sizes, device=timing.torch_device).to(getattr(timing.torch, dtype))


def _rate(timing: Timing, what: str, make: Callable[[], Callable[[], Any]], amount: float) -> float | None:
    """Returns how much of an amount of work a device does in a second; None where it cannot do it."""
    torch = timing.torch
    try:
        work = make()
        with torch.no_grad():
            return float(amount / _with_threads(timing, work))
    except (RuntimeError, TypeError) as error:
        log.debug("%s on %s cannot be timed: %s", what, timing.torch_device, error)
        return None


def _with_threads(timing: Timing, work: Callable[[], Any]) -> float:
    torch = timing.torch
    before = torch.get_num_threads()
    torch.set_num_threads(timing.threads or before)
    try:
        return _seconds(torch, timing.torch_device, work)
    finally:
        torch.set_num_threads(before)


def _seconds(torch: Any, torch_device: str, work: Callable[[], Any]) -> float:
    """Returns the seconds of the fastest repetition within `ENOUGH_S`, because other processes share the machine."""
    best, spent = float("inf"), 0.0
    _finish(torch, torch_device, work)  # the first repetition selects a kernel
    # One thread can be timed by what it worked itself, whoever else is at work.
    clock = time.thread_time if torch_device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    while spent < ENOUGH_S:
        started = clock()
        _finish(torch, torch_device, work)
        took = clock() - started
        best, spent = min(best, took), spent + took
    return max(best, 1e-9)


def _finish(torch: Any, torch_device: str, work: Callable[[], Any]) -> None:
    work()
    kind = torch_device.partition(":")[0]
    if kind != "cpu":
        getattr(torch, kind).synchronize()
