"""Compiles the blocks that a denoiser repeats, by diffusers' `compile_repeated_blocks`, on CUDA alone.

Never run on a GPU here: what was tested is which settings and machines it is refused for, and what is called.
"""

from __future__ import annotations

from typing import Any

from vgpipe.errors import ConfigError
from vgpipe.models.checkpoint.checkpoint import Checkpoint

BLOCKS, KEY = "_repeated_blocks", "memory.compile=true"
REMEDY = "leave memory.compile out"


def check(checkpoint: Checkpoint, component: str) -> None:
    """Checks, without loading weights, that a denoiser's blocks can be compiled here.

    Args:
        checkpoint: the model's files.
        component: the denoiser's name in model_index.json.

    Raises:
        ConfigError: where there is no CUDA device, or its class names no blocks.
    """
    import torch

    if not torch.cuda.is_available():
        raise ConfigError(f"{KEY}: compiles for a GPU with CUDA, and there is none -> {REMEDY}")
    found = checkpoint.component_class(component)
    if not getattr(found, BLOCKS, None):
        raise ConfigError(f"{KEY}: diffusers names no blocks of {component}, a {found.__name__} -> {REMEDY}")


def apply(module: Any) -> None:
    """Has each of a denoiser's repeated blocks compiled when it is first called.

    Args:
        module: changed in place.
    """
    module.compile_repeated_blocks()
