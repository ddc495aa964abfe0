"""Enforces the memory limit of a stage: on a GPU by torch's own cap, on a CPU by counting every live tensor.

Under a limit on a CPU, a model runs out of memory at the same allocation each time. Without a limit, nothing is counted
and nothing costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from vgpipe.units import GIB

if TYPE_CHECKING:
    import torch

    from vgpipe.memory.live_bytes import LiveBytes

_active: ContextVar[LiveBytes | None] = ContextVar("active", default=None)
_peak_bytes: ContextVar[int | None] = ContextVar("peak_bytes", default=None)


@contextmanager
def enforced(device: str, memory_limit_gb: float | None) -> Iterator[LiveBytes | None]:
    """Makes the block run out of memory where it takes more than the limit.

    Args:
        device: torch device string.
        memory_limit_gb: the most that may be alive on it at once, GiB; None without a limit.

    Yields:
        The counter of the CPU's live tensors; None where nothing is counted. Parts that were loaded before count from
        the next time that a stage takes parts from `Residency`.

    Raises:
        torch.OutOfMemoryError: from within the block, at the allocation that exceeds the limit.
    """
    if memory_limit_gb is None:
        yield None
    elif device == "cpu":
        with _counted(int(memory_limit_gb * GIB)) as live:
            yield live
    else:
        with _capped(device, int(memory_limit_gb * GIB)):
            yield None


@contextmanager
def suspended() -> Iterator[None]:
    """Counts nothing in the block: loading keeps file contents and conversions alive that are gone afterwards.

    The loaded part counts afterwards, by `hold`.
    """
    if _active.get() is None:
        yield
        return
    from torch.utils._python_dispatch import _disable_current_modes

    with _disable_current_modes():
        yield


def hold(modules: Iterable[Any]) -> None:
    """Counts the weights of loaded parts for as long as they live, where a budget is enforced.

    Args:
        modules: loaded parts; a tokenizer, which is not a module, has no weights.

    Raises:
        torch.OutOfMemoryError: where they exceed the limit.
    """
    if _active.get() is None:
        return
    for module in modules:
        if hasattr(module, "parameters"):
            hold_tensors([*module.parameters(), *module.buffers()])


def hold_tensors(tensors: Iterable[torch.Tensor]) -> None:
    """Counts tensors for as long as they live, where a budget is enforced.

    Raises:
        torch.OutOfMemoryError: where they exceed the limit.
    """
    live = _active.get()
    if live is not None:
        live.hold(tensors)


def take_peak_bytes() -> int | None:
    """Returns the most bytes alive under a counted budget since the last call; None where nothing was counted."""
    peak_bytes = _peak_bytes.get()
    _peak_bytes.set(None)
    return peak_bytes


@contextmanager
def _counted(limit_bytes: int) -> Iterator[LiveBytes]:
    from vgpipe.memory.live_bytes import LiveBytes

    live = LiveBytes(limit_bytes=limit_bytes, counts=lambda tensor: tensor.device.type == "cpu")
    token = _active.set(live)
    try:
        with live:
            yield live
    finally:
        _active.reset(token)
        _peak_bytes.set(max(_peak_bytes.get() or 0, live.top.peak_bytes))
        live.forget_all()


@contextmanager
def _capped(device: str, limit_bytes: int) -> Iterator[None]:
    import torch

    kind = device.partition(":")[0]
    module = getattr(torch, kind)
    where = () if kind == "mps" else (device,)
    module.set_per_process_memory_fraction(min(1.0, limit_bytes / _total_bytes(module, device)), *where)
    try:
        yield
    finally:
        module.set_per_process_memory_fraction(1.0, *where)


def _total_bytes(module: Any, device: str) -> int:
    if device.startswith("mps"):
        return int(module.recommended_max_memory())
    return int(module.get_device_properties(device).total_memory)
