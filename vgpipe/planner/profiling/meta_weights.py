"""Builds components as loading does, in the same precisions, without their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.weights.bounded_build import built_on_meta
from vgpipe.models.weights.pretrained import kept_in_float32
from vgpipe.planner.profiling.fake_image_processor import FakeImageProcessor


def meta_component(checkpoint: Checkpoint, component: str, settings: Settings) -> Any:
    """Builds one component on the meta device.

    Args:
        checkpoint: the model; only configs are read.
        component: its name in model_index.json.
        settings: its precision.

    Returns:
        A diffusers or transformers module in eval mode; of what has no weights, a guider, or what replaces an image
        processor.
    """
    component_class = checkpoint.component_class(component)
    if not issubclass(component_class, torch.nn.Module):
        made = getattr(component_class, "from_config", FakeImageProcessor)  # a guider is of diffusers
        return made(checkpoint.config(component))
    dtype = getattr(torch, settings.dtype_of(component))
    module: Any = built_on_meta(checkpoint, component, dtype)
    kept, stored = kept_in_float32(type(module), dtype), set(module.state_dict(keep_vars=True))

    def precise(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name not in stored or not tensor.is_floating_point():
            return tensor
        return tensor.to(torch.float32 if kept & set(name.split(".")) else dtype)

    _replace(module, precise)
    return module.eval()


def make_fake(module: torch.nn.Module, fake_mode: FakeTensorMode) -> None:
    """Replaces the tensors of a module on the meta device by fake ones on the CPU.

    Args:
        module: changed in place; tied tensors stay tied.
        fake_mode: creates them.
    """

    def fake(_name: str, tensor: torch.Tensor) -> torch.Tensor:
        with fake_mode:
            return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")

    _replace(module, fake)


def _replace(module: torch.nn.Module, other: Callable[[str, torch.Tensor], torch.Tensor]) -> None:
    """Replaces every tensor of a module by a function of its qualified name and itself; tied tensors stay tied.

    Those that are plain attributes, as Kandinsky's tables of frequencies are, count too.
    """
    made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for prefix, owner in module.named_modules():
        plain: Any = vars(owner)
        for tensors in (owner._parameters, owner._buffers, plain):
            for name, tensor in tensors.items():
                if not isinstance(tensor, torch.Tensor):
                    continue
                if id(tensor) not in made:
                    found = other(f"{prefix}.{name}" if prefix else name, tensor.detach())
                    made[id(tensor)] = tensor, _like(tensor, found)
                tensors[name] = made[id(tensor)][1]


def _like(tensor: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    is_parameter = isinstance(tensor, torch.nn.Parameter)
    return torch.nn.Parameter(found, requires_grad=False) if is_parameter else found
