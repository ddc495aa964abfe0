"""Chooses how to make a clip on a device: bit-identical ways first, of those as fast the one with the least RAM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from math import sqrt

from vgpipe.memory.strategies import OFFLOADS, Role, Strategy
from vgpipe.planner.choice.least_ram import preferred
from vgpipe.planner.choice.per_stage import candidates, fitting, with_chosen
from vgpipe.planner.choice.reasons import why_chosen, why_nothing_fits
from vgpipe.planner.estimate.fit import with_verdict
from vgpipe.planner.estimate.forecast import forecast
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import ClipSpec, Profile
from vgpipe.vocabulary import FP8, NATIVE

ProfileOf = Callable[[ClipSpec, bool, int | None], Profile]
"""(clip, whether the VAE works in tiles, side of a tile) -> profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What the user requests, and what the planner may change.

    Attributes:
        strategy: where components live; None: as chosen.
        weights: component -> how its weights are stored.
        vae_tiling: whether the VAE works in tiles; None: only where nothing else fits.
        vae_tile_size: side of a tile, pixels; None is the VAE's own.
        stream: whether offloaded weights are prefetched; None: where it fits.
        may_tile: whether the planner may turn tiling on.
        may_shrink_weights: whether the planner may store weights as fp8.
    """

    strategy: Strategy | None
    weights: Mapping[str, str]
    vae_tiling: bool | None
    vae_tile_size: int | None
    stream: bool | None
    may_tile: bool
    may_shrink_weights: bool

    def is_kept_by(self, row: Forecast) -> bool:
        """Says whether a forecast has the settings that were requested, as far as bits depend on them."""
        stored = {name: precision for name, precision in row.weights.items() if precision != NATIVE}
        wanted = {name: precision for name, precision in self.weights.items() if name in row.weights}
        tiles = row.vae_tiling, row.vae_tile_size if row.vae_tiling else None
        wanted_tiles = bool(self.vae_tiling), self.vae_tile_size if self.vae_tiling else None
        return stored == wanted and tiles == wanted_tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen.

    Attributes:
        rows: every strategy that was considered, fastest first; one where it is pinned.
        chosen: of those that fit and are as fast as the fastest, the one with the least RAM; None where nothing fits.
        why: the reason, one sentence.
    """

    rows: tuple[Forecast, ...]
    chosen: Forecast | None
    why: str


def plan(spec: ClipSpec, tier: Tier, request: PlanRequest, profile_of: ProfileOf, *, inputs: PlanInputs) -> Choice:
    """Chooses a way to make a clip that fits a device: of those as fast as the fastest, the one with the least RAM.

    It changes a request only where nothing else fits: tiling first, then fp8 weights of the denoiser, then both, then
    fp8 weights of the text encoders too.

    Args:
        spec: the clip.
        tier: the device.
        request: what the user requests, and what the planner may change.
        profile_of: returns profiles.
        inputs: the plan's other inputs.
    """
    first: tuple[Forecast, ...] = ()
    for tiling, weights in _variants(spec, request, profile_of):
        profile = profile_of(spec, tiling, request.vae_tile_size if tiling else None)
        found = _ways(profile, tier, request, weights, inputs)
        first = first or found.rows
        if found.chosen is not None:
            why = why_chosen(
                found.chosen, found.rows, tier, inputs, fastest=found.fastest, is_exact=found.rows is first
            )
            return Choice(rows=found.rows, chosen=found.chosen, why=why)
    return Choice(rows=first, chosen=None, why=why_nothing_fits(first, tier, inputs))


@dataclass(frozen=True, slots=True)
class _Ways:
    """The ways to make a clip with the same bits: a row for each strategy, the chosen one, the fastest that fits."""

    rows: tuple[Forecast, ...]
    chosen: Forecast | None = None
    fastest: Forecast | None = None


def _variants(spec: ClipSpec, request: PlanRequest, profile_of: ProfileOf) -> Iterator[tuple[bool, dict[str, str]]]:
    """Yields VAE tiling and stored precisions to try, those closest to the request first."""
    tilings = (False, True) if request.vae_tiling is None and request.may_tile else (bool(request.vae_tiling),)
    for tiling in tilings:
        yield tiling, dict(request.weights)
    if not request.may_shrink_weights:
        return
    profile = profile_of(spec, tilings[0], request.vae_tile_size if tilings[0] else None)
    smaller = dict(request.weights)
    for role in (Role.DENOISER, Role.ENCODER):
        names = [one.name for one in profile.components if one.role is role]
        smaller |= {name: FP8 for name in names if smaller.get(name, NATIVE) == NATIVE}
        for tiling in tilings:
            yield tiling, dict(smaller)


def _ways(profile: Profile, tier: Tier, request: PlanRequest, weights: Mapping[str, str], inputs: PlanInputs) -> _Ways:
    """Returns every strategy at its best, and what is chosen of them and, unless one is requested, of combinations."""
    size = request.vae_tile_size if profile.vae_tiling else None
    ways = {
        strategy: [
            forecast(
                profile, tier, strategy=strategy, stream=stream, weights=weights, vae_tile_size=size, inputs=inputs
            )
            for stream in _streams(strategy, tier, request.stream)
        ]
        for strategy in (_strategies(tier) if request.strategy is None else (request.strategy,))
    }
    rows = _fastest_first([_best_of(some, inputs.clips_per_load) for some in ways.values()])
    every = tuple(chain.from_iterable(ways.values()))
    if request.strategy is not None:
        known = candidates(every, clips=inputs.clips_per_load)
    else:
        known = fitting(every, lambda way: with_verdict(way, tier, inputs=inputs), clips=inputs.clips_per_load)
    found = preferred(known)
    if found is None:
        return _Ways(rows)
    fastest = min(known, key=lambda one: one.seconds or 0.0).way
    return _Ways(with_chosen(rows, found.way), found.way, fastest)


def _best_of(ways: list[Forecast], clips: float) -> Forecast:
    found = preferred(candidates(ways, clips=clips))
    return ways[-1] if found is None else found.way


def _strategies(tier: Tier) -> tuple[Strategy, ...]:
    # On the CPU, where RAM is the device, model_offload is the same as staged.
    return tuple(one for one in Strategy if tier.kind != "cpu" or one is not Strategy.MODEL_OFFLOAD)


def _streams(strategy: Strategy, tier: Tier, wanted: bool | None) -> tuple[bool, ...]:
    if strategy not in OFFLOADS or tier.kind != "cuda":
        return (False,)
    return (True, False) if wanted is None else (wanted,)


def _fastest_first(rows: list[Forecast]) -> tuple[Forecast, ...]:
    """Sorts by time if all times are known; otherwise keeps the order of the strategies."""
    if any(typical_seconds(row) is None for row in rows):
        return tuple(rows)
    return tuple(sorted(rows, key=lambda row: typical_seconds(row) or 0.0))


def typical_seconds(row: Forecast) -> float | None:
    """Returns one figure for the time of a clip, to compare strategies by; None where it is unknown.

    It includes loading the parts again that are dropped after their stage.
    """
    spans = [stage.seconds for stage in row.stages]
    if any(span is None for span in spans):
        return None
    again = () if row.strategy in (Strategy.RESIDENT, Strategy.MODEL_OFFLOAD) else (row.load_seconds,)
    return sum(sqrt(span[0] * span[1]) for span in (*spans, *again) if span is not None)
