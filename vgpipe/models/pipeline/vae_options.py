"""Tiles and slices of a VAE: it decodes one patch, or one frame, at a time, for less memory and other bits.

diffusers has three ways to lay tiles out; its classes name what they need differently. Tiles overlap and are blended;
here the overlap shrinks with the tile, and both stay whole numbers of latents, else the frames would not fit together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ConfigError
from vgpipe.models.pipeline.config_only import without_weights

if TYPE_CHECKING:
    from vgpipe.models.base import Family

STEP = 32  # pixels; sides of smaller tiles are multiples of it
MIN_TILE_PIXELS, MIN_TILE_LATENTS = (
    64,
    4,
)  # of a tile that a ladder may come to; smaller ones see too little around them
TILES_ONLY = ("AutoencoderKLAllegro",)  # diffusers has no other decoder for it, and its tiles have one size


def supports_tiling(vae_class: Any) -> bool:
    """Returns whether a VAE of diffusers can decode in tiles; some take the setting and do not."""
    return hasattr(vae_class, "enable_tiling") and hasattr(vae_class, "tiled_decode")


def check(vae_class: Any, *, tiling: bool, tile_size: int | None, slicing: bool) -> None:
    """Checks that a VAE can do what is asked, without making one.

    Args:
        vae_class: its class in diffusers.
        tiling: see `apply`.
        tile_size: see `apply`.
        slicing: see `apply`.

    Raises:
        ConfigError: naming the key of `memory` that it has no way for.
    """
    name = vae_class.__name__
    if tiling and not supports_tiling(vae_class):
        raise ConfigError(f"memory.vae_tiling: {name} cannot decode in tiles -> memory.vae_tiling=false")
    if not tiling and name in TILES_ONLY:
        raise ConfigError(f"memory.vae_tiling: {name} decodes in tiles only -> memory.vae_tiling=true")
    if tiling and tile_size and name in TILES_ONLY:
        raise ConfigError(f"memory.vae_tile_size: the tiles of {name} have one size -> memory.vae_tile_size=null")
    if slicing and not hasattr(vae_class, "enable_slicing"):
        raise ConfigError(f"memory.vae_slicing: {name} cannot decode frame by frame -> memory.vae_slicing=false")


def apply(vae: Any, *, tiling: bool, tile_size: int | None, slicing: bool) -> None:
    """Has a VAE work in tiles or slices; needs its attributes alone, so its weights may be anywhere, or fake.

    Args:
        vae: fresh from loading; changed in place.
        tiling: whether it works in tiles where a picture is larger than one.
        tile_size: side of a tile, pixels, rounded down to whole latents, at least two; None is the VAE's own.
        slicing: whether it works on one item of a batch at a time; image VAEs have the frames there.

    Raises:
        ConfigError: naming the key of `memory` that it has no way for.
    """
    check(type(vae), tiling=tiling, tile_size=tile_size, slicing=slicing)
    if tiling:
        vae.enable_tiling()
        if tile_size is not None:
            _set_tiles(vae, tile_size)
    if slicing:
        vae.enable_slicing()


def own_tile_size(vae: Any) -> int | None:
    """Returns the shorter side of a VAE's own tiles, pixels; None where they are not known or have one size.

    Args:
        vae: a VAE that `apply` has not changed, or a config-only one.
    """
    for name in ("tile_sample_min_height", "tile_sample_min_size"):
        own = getattr(vae, name, None)
        if own is not None:
            return int(min(own, getattr(vae, "tile_sample_min_width", own)))
    return None


def tile_sizes(family: Family, side: int) -> tuple[int | None, ...]:
    """Returns the tiles that a family's decoder may try one after the other for less and less memory.

    Args:
        family: drives the model.
        side: the longer side of the picture, pixels.

    Returns:
        Sides in pixels, largest first, each about half the previous one; None is the VAE's own. Only those that divide
        such a picture; none where the VAE has no tiles.
    """
    for component in family.decode_components:
        if supports_tiling(family.checkpoint.component_class(component)):
            return _sizes(without_weights(family.checkpoint, component), side)
    return ()


def _sizes(vae: Any, side: int) -> tuple[int | None, ...]:
    own = own_tile_size(vae)
    if own is None:
        return (None,)
    least = max(MIN_TILE_PIXELS, MIN_TILE_LATENTS * _ratio(vae))
    found: list[int | None] = [None] if own < side else []
    size = own
    while (size := round(size / 2 / STEP) * STEP) >= least:
        if size < side:
            found.append(size)
    return tuple(found)


def _ratio(vae: Any) -> int:
    """Returns the pixels of a latent's side."""
    known = getattr(vae, "spatial_compression_ratio", None)
    return int(known or 2 ** (len(vae.config.block_out_channels) - 1))


def _set_tiles(vae: Any, tile_size: int) -> None:
    ratio = _ratio(vae)
    latents = max(2, tile_size // ratio)
    if hasattr(vae, "tile_sample_stride_height"):
        _set_strides(vae, latents, ratio)
    elif hasattr(vae, "tile_sample_min_height"):
        _set_sides(vae, latents, ratio)
    else:
        _set_one_side(vae, latents, ratio)


def _set_strides(vae: Any, latents: int, ratio: int) -> None:
    """Wan, HunyuanVideo, LTX-Video, Mochi and others: a side and a stride, in pixels."""
    sides = {"tile_sample_min_height": latents * ratio, "tile_sample_min_width": latents * ratio}
    strides = {
        f"tile_sample_stride_{axis}": _stride(
            latents, getattr(vae, f"tile_sample_stride_{axis}") / getattr(vae, f"tile_sample_min_{axis}")
        )
        * ratio
        for axis in ("height", "width")
    }
    vae.enable_tiling(**sides, **strides)


def _set_sides(vae: Any, latents: int, ratio: int) -> None:
    """CogVideoX and HunyuanVideo 1.5: a side, and the share of it that overlaps, for each axis or for both."""
    vae.enable_tiling(tile_sample_min_height=latents * ratio, tile_sample_min_width=latents * ratio)
    vae.tile_latent_min_height = vae.tile_latent_min_width = latents
    for name in ("tile_overlap_factor", "tile_overlap_factor_height", "tile_overlap_factor_width"):
        if hasattr(vae, name):
            setattr(vae, name, _overlap(latents, 1 - getattr(vae, name), ratio))


def _set_one_side(vae: Any, latents: int, ratio: int) -> None:
    """Image VAEs: one side in pixels and one in latents."""
    vae.tile_sample_min_size, vae.tile_latent_min_size = latents * ratio, latents
    vae.tile_overlap_factor = _overlap(latents, 1 - vae.tile_overlap_factor, ratio)


def _stride(latents: int, share: float) -> int:
    """Returns the latents from one tile to the next: the VAE's own share of a tile, and at least one overlaps."""
    return max(1, min(latents - 1, math.floor(latents * share + 1e-6)))


def _overlap(latents: int, share: float, ratio: int) -> float:
    """Returns the share of a tile that overlaps, such that diffusers' own rounding makes whole latents of it."""
    for stride in range(_stride(latents, share), 0, -1):
        exact = (latents - stride) / latents
        for factor in (exact, math.nextafter(exact, 0.0), math.nextafter(exact, 1.0)):
            steps, blended = int(latents * (1 - factor)), int(latents * ratio * factor)
            if steps == stride and blended == (latents - stride) * ratio:
                return factor
    return 1 - 1 / latents
