"""The ways in which a stage can use less memory, one step after another; those that are bit-identical come first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vgpipe.memory.strategies import OFFLOADS, Role, Strategy, placement_of
from vgpipe.vocabulary import FP8, NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRung:
    """One way in which a stage uses memory.

    Attributes:
        strategy: where components live; bit-identical whichever it is.
        vae_tiling: whether the VAE works in tiles; not bit-identical, and neither are the fields below.
        vae_tile_size: side of a tile, pixels; None is the VAE's own.
        weights: (component, how its weights are stored), sorted; components left out are stored as requested.
        drops_cache: whether the step cache that was asked for is left out.
    """

    strategy: Strategy
    vae_tiling: bool = False
    vae_tile_size: int | None = None
    weights: tuple[tuple[str, str], ...] = ()
    drops_cache: bool = False

    def is_bit_identical_to(self, other: MemoryRung) -> bool:
        """Returns whether both give bit-identical results."""
        return replace(self, strategy=other.strategy) == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a stage may change to use less memory.

    Attributes:
        strategies: whether the strategy may change.
        tile_sizes: sides of tiles that may be tried, largest first; None among them is the VAE's own; empty where
            tiling is not allowed or would change nothing.
        shrinkable: components of the stage whose weights may be stored in lower precision.
        may_drop_cache: whether there is a step cache that may be left out.
    """

    strategies: bool = True
    tile_sizes: tuple[int | None, ...] = ()
    shrinkable: tuple[str, ...] = ()
    may_drop_cache: bool = False


def next_rung(current: MemoryRung, role: Role, allowed: Allowed, *, is_host: bool = False) -> MemoryRung | None:
    """Returns the next way that uses less memory; None where there is none.

    Args:
        current: how the stage used memory when it ran out.
        role: of the stage's largest component.
        allowed: what may be done.
        is_host: whether RAM ran out although the device has memory of its own.
    """
    return (
        (_alone(current, is_host) if allowed.strategies else None)
        or (None if is_host else _tiled(current, allowed))  # tiles take as much RAM
        or (_offloaded(current, role, is_host) if allowed.strategies else None)
        or (None if is_host else _uncached(current, allowed))  # what it remembers is on the device
        or _shrunk(current, allowed)
    )


def _alone(current: MemoryRung, is_host: bool) -> MemoryRung | None:
    """Frees the parts of other stages: on the device, and in RAM where that ran out."""
    crowded = {Strategy.RESIDENT} | ({Strategy.MODEL_OFFLOAD} if is_host else set())
    return replace(current, strategy=Strategy.STAGED) if current.strategy in crowded else None


def _tiled(current: MemoryRung, allowed: Allowed) -> MemoryRung | None:
    left = [size for size in allowed.tile_sizes if not current.vae_tiling or _is_smaller(size, current.vae_tile_size)]
    return replace(current, vae_tiling=True, vae_tile_size=left[0]) if left else None


def _is_smaller(size: int | None, than: int | None) -> bool:
    return size is not None and (than is None or size < than)


def _offloaded(current: MemoryRung, role: Role, is_host: bool) -> MemoryRung | None:
    begin = OFFLOADS.index(current.strategy) + 1 if current.strategy in OFFLOADS else 0
    left = [one for one in OFFLOADS[begin:] if not is_host or one is Strategy.DISK_OFFLOAD]  # the others fill RAM
    here = placement_of(current.strategy, role)
    return next(
        (replace(current, strategy=strategy) for strategy in left if placement_of(strategy, role) is not here), None
    )


def _uncached(current: MemoryRung, allowed: Allowed) -> MemoryRung | None:
    may_drop = allowed.may_drop_cache and not current.drops_cache
    return replace(current, drops_cache=True) if may_drop else None


def _shrunk(current: MemoryRung, allowed: Allowed) -> MemoryRung | None:
    stored = dict(current.weights)
    for component in allowed.shrinkable:
        if stored.get(component, NATIVE) == NATIVE:
            return replace(current, weights=tuple(sorted({**stored, component: FP8}.items())))
    return None
