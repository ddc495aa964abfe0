"""Counts the bytes of all live tensors as the dispatcher creates them, and enforces a limit where there is one.

The same counter measures the fake tensors of a plan and the real ones of an enforced limit, so both mean the same.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vgpipe.memory.allocation import rounded_up
from vgpipe.units import GIB


class Window:
    """The most bytes alive during a part of the work.

    Attributes:
        own_bytes: while no window inside it was open.
        peak_bytes: at any time.
    """

    __slots__ = ("own_bytes", "peak_bytes")

    def __init__(self, live_bytes: int):
        self.own_bytes = self.peak_bytes = live_bytes


class LiveBytes(TorchDispatchMode):
    """Counts live storages while it is active.

    Args:
        counts: which tensors are on the device that is measured; all by default.
        limit_bytes: the most that may be alive; None without a limit.
        spike: what an operation needs for itself while it runs, from (function, arguments, result), in bytes.

    Attributes:
        live_bytes: alive now, each storage rounded up as CUDA's allocator does.
        top: the outermost window.
    """

    def __init__(
        self,
        *,
        counts: Callable[[torch.Tensor], bool] | None = None,
        limit_bytes: int | None = None,
        spike: Callable[[Any, tuple[Any, ...], Any], int] | None = None,
    ):
        super().__init__()
        self.live_bytes = 0
        self.limit_bytes = limit_bytes
        self.top = Window(0)
        self._windows = [self.top]
        self._counts, self._spike = counts, spike
        self._alive: dict[int, Any] = {}

    def hold(self, tensors: Iterable[torch.Tensor]) -> None:
        """Counts tensors that exist already, for as long as they live.

        Raises:
            torch.OutOfMemoryError: where they exceed the limit.
        """
        for tensor in tensors:
            self._note(tensor)

    def forget_all(self) -> None:
        """Stops watching live tensors, which would otherwise keep this counter alive for as long as they live."""
        self._alive.clear()

    @contextmanager
    def window(self) -> Iterator[Window]:
        """Measures the peak of a part of the work, and the peak outside of the windows inside it."""
        window = Window(self.live_bytes)
        self._windows.append(window)
        try:
            yield window
        finally:
            self._windows.pop()
            outer = self._windows[-1]
            outer.peak_bytes = max(outer.peak_bytes, window.peak_bytes)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs an operation and counts the tensors that it created."""
        result = func(*args, **(kwargs or {}))
        # Most operations give one tensor; looking through a tree costs as much as a small operation.
        for leaf in (result,) if isinstance(result, torch.Tensor) else tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf)
        if self._spike is not None:
            self._raise_to(self.live_bytes + self._spike(func, args, result))
        return result

    def _note(self, tensor: torch.Tensor) -> None:
        if self._counts is not None and not self._counts(tensor):
            return
        for part in _stored(tensor):
            storage = part.untyped_storage()
            key = storage._cdata
            if key in self._alive:
                continue
            size_bytes = rounded_up(storage.nbytes())
            self._refuse(size_bytes)
            self._alive[key] = weakref.ref(storage, partial(self._forget, key, size_bytes))
            self.live_bytes += size_bytes
            self._raise_to(self.live_bytes)

    def _forget(self, key: int, size_bytes: int, _gone: Any) -> None:
        self._alive.pop(key, None)
        self.live_bytes -= size_bytes

    def _raise_to(self, size_bytes: int) -> None:
        window = self._windows[-1]
        window.own_bytes = max(window.own_bytes, size_bytes)
        window.peak_bytes = max(window.peak_bytes, size_bytes)

    def _refuse(self, size_bytes: int) -> None:
        if self.limit_bytes is None or self.live_bytes + size_bytes <= self.limit_bytes:
            return
        raise torch.OutOfMemoryError(
            f"tried to allocate {size_bytes / GIB:.3f} GiB; {self.live_bytes / GIB:.3f} GiB of the limit of "
            f"{self.limit_bytes / GIB:.3f} GiB are in use"
        )


def _stored(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Returns the plain tensors that a tensor is stored in: itself, or those inside a wrapper such as torchao's."""
    names = getattr(type(tensor), "__tensor_flatten__", None)
    if names is None:
        return [tensor]
    inner, _ = tensor.__tensor_flatten__()  # type: ignore[attr-defined]
    return [part for name in inner for part in _stored(getattr(tensor, name))]
