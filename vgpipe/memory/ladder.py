"""The rungs down which a stage climbs when memory runs out, one at a time, what keeps the bits first where it can."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vgpipe.memory.strategies import OFFLOADS, Role, Strategy, placement_of
from vgpipe.vocabulary import FP8, NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRung:
    """How one stage uses memory.

    Attributes:
        strategy: where components live; keeps the bits.
        vae_tiling: whether the VAE works in tiles; changes the bits, as all below.
        vae_tile_size: side of a tile, pixels; None is the VAE's own.
        weights: (component, how its weights are stored), sorted; components left out are stored as asked.
    """

    strategy: Strategy
    vae_tiling: bool = False
    vae_tile_size: int | None = None
    weights: tuple[tuple[str, str], ...] = ()

    def has_bits_of(self, other: MemoryRung) -> bool:
        """Says whether both give the same bits."""
        return replace(self, strategy=other.strategy) == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """How far a stage may climb.

    Attributes:
        strategies: whether components may live elsewhere.
        tile_sizes: sides of tiles that may be tried, largest first; None among them is the VAE's own; empty where
            tiling is not allowed or would change nothing.
        shrinkable: components of the stage whose weights may be stored in fewer bits.
    """

    strategies: bool = True
    tile_sizes: tuple[int | None, ...] = ()
    shrinkable: tuple[str, ...] = ()


def below(rung: MemoryRung, role: Role, allowed: Allowed, *, is_host: bool = False) -> MemoryRung | None:
    """Returns the next rung down; None where there is none.

    Args:
        rung: where memory ran out.
        role: of the stage's largest component.
        allowed: what may be done.
        is_host: whether RAM ran out, where that is not what the device computes in.
    """
    return (
        (_alone(rung, is_host) if allowed.strategies else None)
        or (None if is_host else _tiled(rung, allowed))  # tiles take as much RAM
        or (_offloaded(rung, role, is_host) if allowed.strategies else None)
        or _shrunk(rung, allowed)
    )


def _alone(rung: MemoryRung, is_host: bool) -> MemoryRung | None:
    """Frees what other stages left: on the device, and in RAM where that ran out."""
    crowded = {Strategy.RESIDENT} | ({Strategy.MODEL_OFFLOAD} if is_host else set())
    return replace(rung, strategy=Strategy.STAGED) if rung.strategy in crowded else None


def _tiled(rung: MemoryRung, allowed: Allowed) -> MemoryRung | None:
    left = [size for size in allowed.tile_sizes if not rung.vae_tiling or _is_smaller(size, rung.vae_tile_size)]
    return replace(rung, vae_tiling=True, vae_tile_size=left[0]) if left else None


def _is_smaller(size: int | None, than: int | None) -> bool:
    return size is not None and (than is None or size < than)


def _offloaded(rung: MemoryRung, role: Role, is_host: bool) -> MemoryRung | None:
    begin = OFFLOADS.index(rung.strategy) + 1 if rung.strategy in OFFLOADS else 0
    left = [one for one in OFFLOADS[begin:] if not is_host or one is Strategy.DISK_OFFLOAD]  # the others fill RAM
    here = placement_of(rung.strategy, role)
    return next(
        (replace(rung, strategy=strategy) for strategy in left if placement_of(strategy, role) is not here), None
    )


def _shrunk(rung: MemoryRung, allowed: Allowed) -> MemoryRung | None:
    stored = dict(rung.weights)
    for component in allowed.shrinkable:
        if stored.get(component, NATIVE) == NATIVE:
            return replace(rung, weights=tuple(sorted({**stored, component: FP8}.items())))
    return None
