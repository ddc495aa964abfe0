"""Suggests what to type where a clip does not fit, and finds the largest clip that does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from vgpipe.job.rules import ShapeRules
from vgpipe.memory.strategies import AUTO, Role
from vgpipe.planner.choice.choose import Choice, PlanRequest, ProfileOf, plan
from vgpipe.planner.choice.lower_bounds import BoundedProfiles
from vgpipe.planner.choice.per_stage import strategies_of
from vgpipe.planner.estimate.fit import context_bytes
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.units import GIB
from vgpipe.vocabulary import DECODE, FP8, NATIVE

MAX_ADVICE = 4
RAM_SIZES_GB = (16, 24, 32, 48, 64, 96, 128, 192, 256, 512)  # what machines have
SIDES, FRAMES = (0.85, 0.7, 0.5, 0.0), (0.75, 0.5, 0.25, 0.0)  # of the request; 0 is the model's least
CLIP_SHARES = ((1.0, 1.0), (0.75, 1.0), (1.0, 0.5), (0.75, 0.5), (0.5, 1.0), (0.5, 0.5), (0.5, 0.25), (0.0, 0.0))

TilesOf = Callable[[ClipSpec], Sequence[int]]
"""Clip -> sides of tiles that its VAE can work in, pixels, largest first."""


class _Tried(Protocol):
    """Plans another request, for the requested clip or for another one."""

    def __call__(self, other: PlanRequest, clip: ClipSpec = ...) -> Choice: ...


def nearest(
    spec: ClipSpec, tier: Tier, request: PlanRequest, profile_of: ProfileOf, *, inputs: PlanInputs, rules: ShapeRules
) -> tuple[str, ...]:
    """Returns what to type instead of a request that does not fit: each fits by itself, the smallest change first.

    Args:
        spec: the clip.
        tier: the device.
        request: the one that does not fit.
        profile_of: returns profiles; called for the clip's own and up to nine others, only for clips that may fit.
        inputs: the plan's other inputs.
        rules: the sizes and frame counts that the model can make.

    Returns:
        At most four strings of overrides; empty where nothing helps.
    """
    bounded = BoundedProfiles(profile_of, tier, request, inputs)

    def tried(other: PlanRequest, clip: ClipSpec = spec) -> Choice:
        return plan(clip, tier, other, bounded, inputs=inputs)

    found = [
        *_other_memory(request, tried, _denoisers(spec, request, profile_of)),
        *_first_that_fits(_smaller(spec, rules), request, tried),
        *_first_that_fits(_shorter(spec, rules), request, tried),
        *_more_ram(spec, tier, request, bounded, inputs),
    ]
    return tuple(dict.fromkeys(found))[:MAX_ADVICE]


def _more_ram(
    spec: ClipSpec, tier: Tier, request: PlanRequest, profile_of: ProfileOf, inputs: PlanInputs
) -> Iterator[str]:
    """Yields the RAM that a machine would need, where a plan only assumes how much it has."""
    if tier.assumed_ram_gb is None or tier.ram_gb is None:
        return
    for_system = tier.assumed_ram_gb - tier.ram_gb
    for size in RAM_SIZES_GB:
        larger = replace(tier, ram_gb=size - for_system)
        if size > tier.assumed_ram_gb and plan(spec, larger, request, profile_of, inputs=inputs).chosen is not None:
            yield f"hardware.ram_gb={size}"
            return


def _denoisers(spec: ClipSpec, request: PlanRequest, profile_of: ProfileOf) -> list[str]:
    profile = profile_of(spec, bool(request.vae_tiling), request.vae_tile_size if request.vae_tiling else None)
    return [one.name for one in profile.components if one.role is Role.DENOISER]


def _other_memory(request: PlanRequest, tried: _Tried, denoisers: list[str]) -> Iterator[str]:
    """Yields overrides of `memory` that help; those that are not bit-identical only where no strategy helps."""
    free = replace(request, strategy=None, stream=None, may_tile=False, may_shrink_weights=False)
    if (chosen := tried(free).chosen) is not None:
        yield "memory.stream=null" if request.strategy is None else f"memory={_option(chosen)}"
        return
    if not request.vae_tiling and (chosen := tried(replace(free, vae_tiling=True)).chosen) is not None:
        yield _typed("memory.vae_tiling=true", chosen, request)
    small = {name: FP8 for name in denoisers if request.weights.get(name, NATIVE) == NATIVE}
    less = replace(free, weights={**request.weights, **small})
    if small and (chosen := tried(less).chosen) is not None:
        yield _typed(" ".join(f"memory.weights.{name}=fp8" for name in small), chosen, request)


def _typed(override: str, chosen: Forecast, request: PlanRequest) -> str:
    option = _option(chosen)
    return override if request.strategy is None or option == request.strategy else f"memory={option} {override}"


def _option(chosen: Forecast) -> str:
    """Returns what to type for the strategy of a plan; only `auto` gives stages different ones."""
    used = set(strategies_of(chosen).values())
    return AUTO if len(used) > 1 else next(iter(used)).value


def _first_that_fits(clips: Iterator[tuple[str, ClipSpec]], request: PlanRequest, tried: _Tried) -> Iterator[str]:
    for override, clip in clips:
        if tried(request, clip).chosen is not None:
            yield override
            return


def _smaller(spec: ClipSpec, rules: ShapeRules) -> Iterator[tuple[str, ClipSpec]]:
    for share in SIDES:
        clip = scaled(spec, rules, share, 1.0)
        if clip.width * clip.height < spec.width * spec.height:
            yield f"clip.width={clip.width} clip.height={clip.height}", clip


def _shorter(spec: ClipSpec, rules: ShapeRules) -> Iterator[tuple[str, ClipSpec]]:
    for share in FRAMES:
        clip = scaled(spec, rules, 1.0, share)
        if clip.num_frames < spec.num_frames:
            yield f"clip.num_frames={clip.num_frames}", clip


def scaled(spec: ClipSpec, rules: ShapeRules, sides: float, frames: float) -> ClipSpec:
    """Returns a clip with smaller sides and fewer frames, as close as the model can make.

    Args:
        spec: the clip.
        rules: the sizes and frame counts that the model can make.
        sides: share of both sides that is left; the aspect ratio stays as close as possible. 0: the model's least.
        frames: share of the frames that is left.
    """
    least = rules.smallest_side / min(spec.width, spec.height)
    share = max(sides, least) if sides < 1.0 else 1.0
    return replace(
        spec,
        width=spec.width if share >= 1.0 else rules.nearest_side(round(spec.width * share)),
        height=spec.height if share >= 1.0 else rules.nearest_side(round(spec.height * share)),
        num_frames=spec.num_frames if frames >= 1.0 else rules.nearest_num_frames(round(spec.num_frames * frames)),
    )


def _no_tiles(_spec: ClipSpec) -> Sequence[int]:
    return ()


def largest(
    tier: Tier,
    request: PlanRequest,
    profile_of: ProfileOf,
    *,
    inputs: PlanInputs,
    rules: ShapeRules,
    reference: ClipSpec,
    smaller_tiles: TilesOf = _no_tiles,
) -> Forecast | None:
    """Returns the plan of the largest clip that fits a device, of a few sizes up to the reference.

    Args:
        tier: the device.
        request: what the user requests, and what the planner may change.
        profile_of: returns profiles; called for the reference alone where that fits, and for at most eight sizes.
        inputs: the plan's other inputs.
        rules: the sizes and frame counts that the model can make.
        reference: the size, frame count and steps that the model was made for.
        smaller_tiles: gives the sides of tiles below the VAE's own, pixels, which are tried where the decoder alone is
            too large.

    Returns:
        The forecast, whose `spec` is the clip; None where not even the smallest clip fits.
    """
    clips = dict.fromkeys(scaled(reference, rules, sides, frames) for sides, frames in CLIP_SHARES)
    bounded = BoundedProfiles(profile_of, tier, request, inputs)
    for clip in sorted(clips, key=lambda one: one.width * one.height * one.num_frames, reverse=True):
        found = plan(clip, tier, request, bounded, inputs=inputs)
        if found.chosen is not None:
            return found.chosen
        decoder_is_too_large = request.may_tile and _fits_without_decoder(found, tier, inputs)
        for size in smaller_tiles(clip) if decoder_is_too_large else ():
            tiled = replace(request, vae_tiling=True, vae_tile_size=size)
            if (chosen := plan(clip, tier, tiled, bounded, inputs=inputs).chosen) is not None:
                return chosen
    return None


def _fits_without_decoder(found: Choice, tier: Tier, inputs: PlanInputs) -> bool:
    """Says whether the activations of all other stages fit, whatever is done with the weights."""
    if tier.memory_gb is None:
        return True
    room = tier.memory_gb * GIB - context_bytes(tier, inputs)
    others = ([stage.activation_bytes for stage in row.stages if stage.stage != DECODE] for row in found.rows)
    return any(max(sizes, default=0) <= room for sizes in others)
