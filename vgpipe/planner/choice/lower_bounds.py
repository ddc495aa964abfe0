"""Skips fake runs of smaller clips that cannot fit either, by the profile of a larger one."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.planner.choice.choose import PlanRequest, ProfileOf, plan
from vgpipe.planner.estimate.fit import context_bytes
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Tier
from vgpipe.planner.profile_records import Block, ClipSpec, ComponentUse, Leaf, Profile, StageProfile
from vgpipe.units import GIB

STEEPEST = 2  # no activation falls faster than the square of the clip's size, which is that of a matrix of scores


class BoundedProfiles:
    """Returns profiles; for a clip that cannot fit in any way, one with the least that the clip might take.

    A profile that replaces a fake run does not fit either, so every clip that fits has been run.

    Args:
        profile_of: returns profiles.
        tier: the device.
        request: what the user requests, and what the planner may change.
        inputs: the plan's other inputs.
    """

    def __init__(self, profile_of: ProfileOf, tier: Tier, request: PlanRequest, inputs: PlanInputs):
        self._profile_of = profile_of
        self._tier, self._request, self._inputs = tier, request, inputs
        self._known: list[tuple[tuple[bool, int | None], Profile]] = []

    def __call__(self, spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        """Returns a profile.

        Args:
            spec: the clip.
            tiling: whether the VAE works in tiles.
            tile_size: side of a tile, pixels; None is the VAE's own.
        """
        way = tiling, tile_size
        for known, larger in self._known:
            if known == way and (least := lower_bound(larger, spec)) is not larger and not self._fits(least, way):
                return least
        found = self._profile_of(spec, tiling, tile_size)
        self._known.append((way, found))
        return found

    def _fits(self, least: Profile, way: tuple[bool, int | None]) -> bool:
        if self._exceeds_by_activations(least):
            return False
        tiling, tile_size = way
        request = replace(self._request, vae_tiling=tiling, vae_tile_size=tile_size, may_tile=False)
        return plan(least.spec, self._tier, request, lambda *_: least, inputs=self._inputs).chosen is not None

    def _exceeds_by_activations(self, least: Profile) -> bool:
        """Says whether activations alone exceed the device, wherever the weights are: spares the look at every way."""
        if self._tier.memory_gb is None:
            return False
        peaks = [use.peak_bytes for stage in least.stages for use in stage.uses]
        return max(peaks, default=0) + context_bytes(self._tier, self._inputs) > self._tier.memory_gb * GIB


def lower_bound(profile: Profile, spec: ClipSpec) -> Profile:
    """Returns the least that another clip might take, from the profile of one.

    Args:
        profile: of a clip that is larger in its area, its frames or both.
        spec: the other clip.

    Returns:
        A lower bound of every activation; the same profile for the same clip or one that is not smaller.
    """
    known = profile.spec
    area = min(1.0, spec.width * spec.height / (known.width * known.height))
    frames = min(1.0, spec.num_frames / known.num_frames)
    is_given_alike = (spec.from_image, spec.further_given) == (known.from_image, known.further_given)
    if area * frames >= 1.0 or not is_given_alike:
        return profile
    share = (area * frames) ** STEEPEST
    return replace(profile, spec=spec, stages=tuple(_stage(stage, share) for stage in profile.stages))


def _stage(stage: StageProfile, share: float) -> StageProfile:
    uses = tuple(_use(use, share) for use in stage.uses)
    return replace(stage, uses=uses, pipeline_bytes=int(stage.pipeline_bytes * share))


def _use(use: ComponentUse, share: float) -> ComponentUse:
    return replace(
        use,
        peak_bytes=int(use.peak_bytes * share),
        outside_leaves_bytes=int(use.outside_leaves_bytes * share),
        outside_blocks_bytes=int(use.outside_blocks_bytes * share),
        output_bytes=int(use.output_bytes * share),
        leaves=tuple(_leaf(leaf, share) for leaf in use.leaves),
        blocks=tuple(_block(block, share) for block in use.blocks),
    )


def _leaf(leaf: Leaf, share: float) -> Leaf:
    return replace(leaf, peak_bytes=int(leaf.peak_bytes * share), tokens=int(leaf.tokens * share))


def _block(block: Block, share: float) -> Block:
    return replace(block, peak_bytes=int(block.peak_bytes * share))
