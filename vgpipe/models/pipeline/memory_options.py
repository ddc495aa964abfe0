"""What the memory options that change bits ask of a model: proved before anything starts, done to what was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.pipeline import attention, compiled, conv_caches, vae_options
from vgpipe.models.weights import layerwise_cast, loras, quantize
from vgpipe.vocabulary import FP8

OF_SOUND = ("audio_vae", "vocoder")
"""Decoders that make no picture: what is asked of a VAE is not asked of them."""


def check(
    checkpoint: Checkpoint,
    settings: Settings,
    components: Sequence[str],
    *,
    denoisers: Sequence[str],
    decoders: Sequence[str],
) -> None:
    """Checks, without loading weights, that the options are available; imports classes for those that are set.

    Args:
        checkpoint: the model's files.
        settings: the options.
        components: all that will be loaded.
        denoisers: those of them that denoise.
        decoders: those of them that decode.

    Raises:
        ConfigError: naming the key of `memory` that this model or machine has no way for.
        ModelError: naming the key of `model.components` that fits no method.
    """
    quantize.check(checkpoint, settings, components, decoders)
    for component in denoisers:
        attention.check(checkpoint, component, settings)
        if settings.compile:
            compiled.check(checkpoint, component)
    for component in (one for one in decoders if one not in OF_SOUND):
        tiles_only = checkpoint.index[component][1] in vae_options.TILES_ONLY
        if settings.vae_tiling or settings.vae_slicing or tiles_only:
            vae_options.check(checkpoint.component_class(component), **_of_vae(settings))


def configure_denoiser(module: Any, component: str, settings: Settings) -> None:
    """Applies the memory options to a loaded denoiser, whose LoRAs are already applied.

    Args:
        module: changed in place.
        component: its name.
        settings: the options.

    Raises:
        ConfigError: where its class cannot.
    """
    import torch

    if settings.quantization.get(component) == FP8 and loras.chosen(settings.loras, component):
        # Loading leaves that until LoRAs are applied.
        layerwise_cast.cast(module, getattr(torch, settings.dtype_of(component)))
    attention.apply(module, settings.attention, component)
    if settings.compile:
        compiled.apply(module)


def configure_decoder(module: Any, component: str, settings: Settings) -> None:
    """Applies the memory options to a loaded VAE, and makes it release caches as it uses them.

    Args:
        module: changed in place; a component that decodes no picture (a guider, a vocoder) is left as it is.
        component: its name.
        settings: the options.

    Raises:
        ConfigError: where its class cannot.
    """
    if component in OF_SOUND or not hasattr(module, "decode"):
        return
    vae_options.apply(module, **_of_vae(settings))
    conv_caches.release_used_caches(module)


def _of_vae(settings: Settings) -> dict[str, Any]:
    size = settings.vae_tile_size if settings.vae_tiling else None
    return {"tiling": settings.vae_tiling, "tile_size": size, "slicing": settings.vae_slicing}
