"""The attention backend of a denoiser, where it is not torch's own `scaled_dot_product_attention`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

from packaging.version import Version

from vgpipe.errors import ConfigError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.pipeline.config_only import without_weights

SDPA, SLICED = "sdpa", "sliced"
TORCH_BACKEND = "native"  # diffusers' name for torch's own
PACKAGES = {"flash": ("flash_attn", "flash-attn", "2.6.3"), "sage": ("sageattention", "sageattention", "2.1.1")}
REMEDY = "memory.attention=sdpa"


def check(checkpoint: Checkpoint, component: str, settings: Settings) -> None:
    """Checks, without loading weights, that a denoiser can use the backend asked for, here.

    Args:
        checkpoint: the model's files.
        component: the denoiser's name in model_index.json.
        settings: the backend and the precision.

    Raises:
        ConfigError: naming the key and what to type.
    """
    wanted = settings.attention
    if wanted == SDPA:
        return
    if wanted in PACKAGES:
        _require(wanted)
        _require_gpu(wanted, settings.dtype_of(component))
    _refuse_unable(without_weights(checkpoint, component), wanted, component)


def apply(module: Any, wanted: str, component: str) -> None:
    """Sets how a denoiser computes attention.

    Args:
        module: the denoiser, of diffusers; changed in place.
        wanted: `sdpa` leaves it as it is; `sliced` computes half the heads at a time; `flash` and `sage` are packages.
        component: its name, for messages.

    Raises:
        ConfigError: where its class cannot.
    """
    if wanted == SDPA:
        return
    _refuse_unable(module, wanted, component)
    if wanted == SLICED:
        module.set_attention_slice("auto")
        return
    from diffusers.models.attention_dispatch import attention_backend

    with attention_backend(TORCH_BACKEND):  # else it becomes the backend of every other model of this process as well
        module.set_attention_backend(wanted)


def _refuse_unable(module: Any, wanted: str, component: str) -> None:
    name = type(module).__name__
    if wanted == SLICED and not hasattr(module, "set_attention_slice"):
        raise ConfigError(f"memory.attention=sliced: {component}, a {name}, has no slices (UNets do) -> {REMEDY}")
    if wanted in PACKAGES and not _dispatches(module):
        reason = f"diffusers computes the attention of {component}, a {name}, with torch's own only"
        raise ConfigError(f"memory.attention={wanted}: {reason} -> {REMEDY}")


def _dispatches(module: Any) -> bool:
    if not hasattr(module, "set_attention_backend"):
        return False
    return any(hasattr(getattr(one, "processor", None), "_attention_backend") for one in module.modules())


def _require(wanted: str) -> None:
    package, name, least = PACKAGES[wanted]
    wish = f"memory.attention={wanted}"
    remedy = f'pip install "{name}>={least}", or {REMEDY}'
    if importlib.util.find_spec(package) is None:
        raise ConfigError(f"{wish}: needs the package {name} -> {remedy}")
    version = importlib.metadata.version(name)
    if Version(version) < Version(least):
        raise ConfigError(f"{wish}: needs {name} {least} or newer, and {version} is installed -> {remedy}")


def _require_gpu(wanted: str, dtype: str) -> None:
    import torch

    if not torch.cuda.is_available():
        raise ConfigError(f"memory.attention={wanted}: needs a GPU with CUDA, and there is none -> {REMEDY}")
    if dtype == "float32":
        reason = "computes in 16 bits only, and the precision is float32"
        raise ConfigError(f"memory.attention={wanted}: {reason} -> model.dtype=bfloat16, or {REMEDY}")
