"""Which memory options keep bits and which change them; store keys include those that change them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from vgpipe.models.base import Settings

DENOISERS, DECODERS = "denoisers", "decoders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of the config group `memory`.

    Attributes:
        keeps_bits: whether a clip's bits are the same with it and without.
        reason: why.
        counted_in: the entry of a component's identity that holds it: `quantization` or `dtype`, which every component
            has, or the option's own name; None where it keeps the bits.
        of: the components whose work it changes, `DENOISERS` or `DECODERS`; None where it says so itself.
        needs: the option without which it has no effect; None where there is none.
    """

    keeps_bits: bool
    reason: str
    counted_in: str | None = None
    of: str | None = None
    needs: str | None = None


OPTIONS = {
    "strategy": Option(
        keeps_bits=True, reason="weights arrive unrounded where the same operations run, in the same order"
    ),
    "stream": Option(keeps_bits=True, reason="weights arrive earlier; the arithmetic waits for them either way"),
    "weights": Option(keeps_bits=False, reason="weights are rounded to a lower precision", counted_in="quantization"),
    "vae_dtype": Option(keeps_bits=False, reason="another precision rounds differently", counted_in="dtype"),
    "vae_tiling": Option(
        keeps_bits=False,
        reason="a tile sees nothing beyond its border, and tiles are blended",
        counted_in="vae_tiling",
        of=DECODERS,
    ),
    "vae_tile_size": Option(
        keeps_bits=False,
        reason="other tiles have other borders",
        counted_in="vae_tile_size",
        of=DECODERS,
        needs="vae_tiling",
    ),
    "vae_slicing": Option(
        keeps_bits=False,
        reason="kernels are chosen by the size of a batch, and sum in another order",
        counted_in="vae_slicing",
        of=DECODERS,
    ),
    "attention": Option(
        keeps_bits=False, reason="every backend sums in another order", counted_in="attention", of=DENOISERS
    ),
    "compile": Option(
        keeps_bits=False, reason="fused kernels round and sum otherwise", counted_in="compile", of=DENOISERS
    ),
}
_DEFAULTS = {one.name: one.default for one in fields(Settings)}


def keeps_bits(option: str) -> bool:
    """Returns whether an option of the config group `memory` leaves a clip's bits as they are."""
    return OPTIONS[option].keeps_bits


def marks(settings: Settings, of: str) -> dict[str, Any]:
    """Returns the options that change bits as store keys name them, precision and storage aside.

    Args:
        settings: how a model is loaded and called.
        of: the components in question, `DENOISERS` or `DECODERS`.

    Returns:
        Option -> value; those at their default are left out, so that keys made before there were any still hold.
    """
    counted = {name for name, option in OPTIONS.items() if not option.keeps_bits and option.of == of}
    return {name: getattr(settings, name) for name in sorted(counted) if _is_used(settings, name)}


def _is_used(settings: Settings, name: str) -> bool:
    needed = OPTIONS[name].needs
    return getattr(settings, name) != _DEFAULTS[name] and (needed is None or _is_used(settings, needed))
