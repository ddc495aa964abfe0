"""A device that is not there: under fake tensors, torch's PrivateUse1 needs no kernels, and diffusers' hooks run on it.

`DEVICE` computes and is measured. `RAM` is a second one of its kind, because torch lets a weight change over to another
device in place only where both are of one kind or known to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any
from unittest import mock

import pytest
import torch
from accelerate import hooks
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from vgpipe.memory import offloading
from vgpipe.memory.live_bytes import LiveBytes
from vgpipe.planner.profiling.attention import Attention
from vgpipe.planner.profiling.memory_mode import Tracker

KIND = "standin"
DEVICE, RAM = f"{KIND}:0", f"{KIND}:1"


class _Stream:
    """Says nothing and is always ready: what overlaps takes the memory all the same."""

    def synchronize(self) -> None:
        pass


class _Backend:
    """What torch and diffusers ask of a device's module."""

    Stream = _Stream

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return False  # so that nothing else in this process takes it for an accelerator

    def device_count(self) -> int:
        return 0

    def current_device(self) -> int:
        return 0

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        pass

    def stream(self, stream: Any) -> Any:
        return nullcontext()

    def current_stream(self) -> _Stream:
        return _Stream()


@cache
def _register() -> None:
    backends = pytest.importorskip("torch.utils.backend_registration")
    if not hasattr(backends, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch has no device made in Python")
    hook = type("Hook", (backends._DummyPrivateUse1Hook,), {"is_available": lambda _self: False})()
    backends._setup_privateuseone_for_python_backend(KIND, backend_module=_Backend(), hook=hook)


def _set_data(self: FakeTensor, value: FakeTensor) -> None:
    torch.Tensor.data.__set__(self, value)
    self.fake_device = value.fake_device  # torch forgets it


def _apply(self: torch.nn.Module, change: Any, recurse: bool = True) -> torch.nn.Module:
    """What `Module.to` does with real tensors; fake ones it would swap, which nothing may refer to weakly."""
    for module in self.children() if recurse else ():
        module._apply(change)
    for parameter in self._parameters.values():
        if parameter is not None:
            parameter.data = change(parameter.data)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = change(buffer)
    return self


@contextmanager
def fake_device() -> Iterator[None]:
    """Has everything in the block made of fake tensors, `DEVICE` and `RAM` known, and offloaded weights go to `RAM`."""
    _register()
    group = offloading.group_offloading.ModuleGroup
    pinned = contextmanager(lambda self: iter([self.cpu_param_dict]))
    with (
        FakeTensorMode(),
        mock.patch.object(offloading, "RAM", torch.device(RAM)),
        mock.patch.object(hooks.CpuOffload, "init_hook", lambda _self, module: module.to(RAM)),
        mock.patch.object(group, "_to_cpu", staticmethod(lambda tensor, _low_cpu_mem_usage: tensor.data)),
        mock.patch.object(torch.nn.Module, "_apply", _apply),
        mock.patch.object(FakeTensor, "data", property(torch.Tensor.data.__get__, _set_data), create=True),
        mock.patch.object(group, "_pinned_memory_tensors", pinned),
    ):
        yield


def fused_attention() -> Attention:
    """Has attention take what CUDA's fused kernels take; a device without kernels would make it quadratic."""
    return Attention("cuda", Tracker("cuda"))


def peak_on_device(
    make: Callable[[], torch.nn.Module],
    inputs: Callable[[], Mapping[str, Any]],
    place: Callable[[torch.nn.Module], Any],
    *,
    calls: int = 1,
    call: Callable[[Any, Mapping[str, Any]], Any] = lambda module, given: module(**given),
) -> int:
    """Returns the most bytes alive on the fake device while a module is placed and runs.

    Args:
        make: builds the module; under torch's default dtype, and on `RAM`.
        inputs: makes what it is called with; they are moved to `DEVICE`, and counted.
        place: puts it somewhere, such as `lambda module: vgpipe.memory.placement.place(module, ..., DEVICE)`.
        calls: how often it is called; diffusers fetches ahead from the second call on.
        call: how it is called.
    """
    with fake_device(), torch.no_grad():
        with torch.device(RAM):
            module = make().eval().requires_grad_(False)
        given = {name: _on_device(value) for name, value in inputs().items()}
        with LiveBytes(counts=lambda tensor: str(tensor.device) == DEVICE) as live:
            live.hold(value for value in given.values() if isinstance(value, torch.Tensor))
            live.hold(place(module).parameters())
            with fused_attention():
                for _ in range(calls):
                    call(module, given)
        return live.top.peak_bytes


def _on_device(value: Any) -> Any:
    return value.to(DEVICE) if isinstance(value, torch.Tensor) else value
