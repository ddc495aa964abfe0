"""Keeps the layers of a module in float8 and computes in its own precision: diffusers' layerwise casting.

Each layer is cast just before it runs and back just after. Norms, embeddings and what diffusers names as sensitive stay
as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vgpipe.models.imports.placeholder import is_imported

if TYPE_CHECKING:
    import torch

NAMED_LIKE_NORMS = ("norm", "patch_embed")
# T5 casts what goes into this layer to its weights' precision before the layer is called, float8 included.
T5_OUTPUT = r"(^|\.)wo$"
FLOAT8_MAX = 448.0  # of float8 E4M3


def cast(module: Any, dtype: torch.dtype) -> Any:
    """Casts a module's layers to float8 E4M3; its LoRAs, already applied, stay as they are.

    Args:
        module: of diffusers or transformers, its weights still native, real or on the meta device; changed in place.
        dtype: the arithmetic's.

    Returns:
        The module.
    """
    import torch
    from diffusers.hooks import apply_layerwise_casting

    kept = (*kept_patterns(module), *_too_large(module))
    apply_layerwise_casting(module, torch.float8_e4m3fn, dtype, skip_modules_pattern=kept)
    return module


def kept_patterns(module: Any) -> tuple[str, ...]:
    """Returns regular expressions for the names of what stays native; nothing below what they match is cast.

    Args:
        module: of diffusers or transformers, with real or fake weights, or none.
    """
    import torch
    from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN

    # Its `forward` reads the weights of its parts, which then stay float8.
    whole = _named(module, lambda one: isinstance(one, torch.nn.MultiheadAttention))
    library = type(module).__module__.partition(".")[0]
    if library == "diffusers":
        own = (*(module._keep_in_fp32_modules or ()), *(module._skip_layerwise_casting_patterns or ()))
        return (*DEFAULT_SKIP_MODULES_PATTERN, *own, *_adapters(), *whole)
    embeddings = [one.weight for one in module.modules() if isinstance(one, torch.nn.Embedding)]
    kept = {id(weight) for weight in embeddings}  # and what is tied to them
    if library == "transformers":  # a model of it reads its own precision there
        kept |= {id(weight) for weight in list(module.parameters())[:1]}
    native = _named(module, lambda one: any(id(weight) in kept for weight in one.parameters(recurse=False)))
    return (*NAMED_LIKE_NORMS, T5_OUTPUT, *native, *whole)


def _adapters() -> tuple[str, ...]:
    """Returns the names of LoRAs' layers: small, and they would round what they change."""
    if not is_imported("peft.tuners.lora.layer"):  # which takes half a second, and without it there is no LoRA
        return ()
    from peft.tuners.lora.layer import LoraLayer

    return tuple(LoraLayer.adapter_layer_names)


def _too_large(module: Any) -> tuple[str, ...]:
    """Returns the layers with a weight that float8 has no number for; the cast would make it NaN."""

    def is_too_large(layer: Any) -> bool:
        real = [one for one in layer.parameters(recurse=False) if one.is_floating_point() and not one.is_meta]
        return any(
            weight.numel() and max(map(abs, map(float, weight.detach().aminmax()))) > FLOAT8_MAX for weight in real
        )

    return _named(module, is_too_large)


def _named(module: Any, is_meant: Any) -> tuple[str, ...]:
    names = [name for name, one in module.named_modules() if name and is_meant(one)]
    return tuple(f"^{re.escape(name)}$" for name in names)
