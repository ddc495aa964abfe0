"""Builds components without weights, and counts what their configs build, so that one of another size is refused early.

A config of a few bytes can ask for more layers than any machine has memory for. What it may build follows from the
weights that lie beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.weights.pretrained import default_dtype, dtype_keyword

ELEMENTS_PER_BYTE = 8  # the narrowest formats hold three or four; tied tensors count twice
SMALL_ELEMENTS, UNKNOWN_ELEMENTS = 1 << 26, 1 << 40
MAX_MODULES, MAX_TENSORS = 40_000, 20_000
"""The largest in use have 2,100 modules and 1,800 tensors; so many are built in a few seconds."""


def built_on_meta(checkpoint: Checkpoint, component: str, dtype: torch.dtype) -> torch.nn.Module:
    """Builds a module on the meta device, as loading does.

    Args:
        checkpoint: the model; only configs are read.
        component: its name in model_index.json, a module.
        dtype: of its weights.

    Returns:
        The module; its precision is not yet that of loading.

    Raises:
        ModelError: where it is far larger than its weights.
    """
    component_class, config = checkpoint.component_class(component), checkpoint.config(component)
    count = _Count(checkpoint, component)
    with torch.device("meta"), default_dtype(dtype), _counting(count), _Outputs(count):
        if component_class.__module__.startswith("diffusers"):
            module: torch.nn.Module = component_class.from_config(config)
            return module
        config_class = component_class.config_class
        own = config.get(config_class.base_config_key) if config_class.base_config_key else None
        found = config_class.from_dict(own if isinstance(own, dict) else config)
        made: torch.nn.Module = component_class._from_config(found, **{dtype_keyword(component_class): dtype})
        return made


def bounded(checkpoint: Checkpoint, component: str) -> AbstractContextManager[None]:
    """Returns a context that ends the building of a module as soon as it is far larger than its weights.

    Args:
        checkpoint: the model's files.
        component: its name in model_index.json.

    Raises:
        ModelError: within the context, naming the config.
    """
    return _counting(_Count(checkpoint, component))


class _Count:
    """What the thread that made it has built."""

    def __init__(self, checkpoint: Checkpoint, component: str):
        self._place, self._component = checkpoint.source(component).place, component
        self._weight_bytes = checkpoint.weight_bytes(component)
        wanted = ELEMENTS_PER_BYTE * self._weight_bytes if self._weight_bytes else UNKNOWN_ELEMENTS
        self.most_elements = max(wanted, SMALL_ELEMENTS)
        self._modules = self._tensors = self._elements = self._buffered = 0
        self._thread = threading.get_ident()

    def on_module(self, _owner: torch.nn.Module, _name: str, _module: torch.nn.Module | None) -> None:
        if threading.get_ident() == self._thread:
            self._modules += 1
            if self._modules > MAX_MODULES:
                raise self.refused(f"builds more than {MAX_MODULES:,} layers")

    def on_tensor(self, _owner: torch.nn.Module, _name: str, tensor: torch.Tensor | None) -> None:
        if tensor is None or threading.get_ident() != self._thread:
            return
        self._tensors, self._elements = self._tensors + 1, self._elements + tensor.numel()
        if self._tensors > MAX_TENSORS:
            raise self.refused(f"builds more than {MAX_TENSORS:,} tensors")
        if self._elements > self.most_elements:
            raise self.refused(f"builds more than {self.most_elements:,} weights")

    def on_buffer(self, _owner: torch.nn.Module, _name: str, tensor: torch.Tensor | None) -> None:
        if tensor is None or threading.get_ident() != self._thread:
            return
        self._buffered += tensor.numel()
        if self._buffered > SMALL_ELEMENTS:
            raise self.refused(f"builds tables of more than {SMALL_ELEMENTS:,} numbers")

    def refused(self, what: str) -> ModelError:
        """Returns the error that says so."""
        return ModelError(
            f"{self._place}: the config of {self._component} {what}, and its weights have {self._weight_bytes:,} bytes "
            "-> choose another checkpoint"
        )


class _Outputs(TorchFunctionMode):
    """Ends the making of a table that becomes no buffer, and is as large as one that would be refused."""

    def __init__(self, count: _Count):
        super().__init__()
        self._count = count

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() > self._count.most_elements:
            raise self._count.refused(f"makes a table of {result.numel():,} numbers")
        return result


@contextmanager
def _counting(count: _Count) -> Iterator[None]:
    handles = [
        hooks.register_module_module_registration_hook(count.on_module),
        hooks.register_module_parameter_registration_hook(count.on_tensor),
        hooks.register_module_buffer_registration_hook(count.on_buffer),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
