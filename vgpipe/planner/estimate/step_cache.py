"""What a step cache takes and spares: the tensors that it keeps, and the share of calls that are computed all the same.

TaylorSeer and MagCache skip by a schedule, which is followed here. What the others skip depends on the clip: their
figures are the embedded model's (docs/caches.md), with a wide range around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from vgpipe.memory.strategies import Role
from vgpipe.models.caches.choice import StepCache
from vgpipe.planner.estimate.efficiency import Range
from vgpipe.planner.profile_records import ClipSpec, ComponentUse, Leaf, Profile, StageProfile
from vgpipe.vocabulary import DENOISE, FIRSTBLOCK, MAGCACHE, SEACACHE, TAYLORSEER

KEPT = {SEACACHE: 3, MAGCACHE: 2, FIRSTBLOCK: 3}
"""Tensors as large as what goes from block to block that each keeps of a prompt: of SeaCache two, and one while they
are replaced; of MagCache and the first-block cache also what a block was last given or gave."""
TAYLOR_TENSORS, TAYLOR_ITEMSIZE = 2, 4
"""TaylorSeer keeps what the last layer gave and how it changed, in float32."""
SKIPPED = {
    SEACACHE: ((0.0, 0.0), (0.25, 0.4), (0.5, 0.52), (1.0, 0.6)),
    FIRSTBLOCK: ((0.0, 0.0), (0.05, 0.06), (0.1, 0.41), (0.2, 0.63), (1.0, 0.85)),
}
"""Threshold -> the share of calls that are skipped, of the embedded model (`benchmarks/caches_embedded.py`)."""
LESS, MORE = 0.5, 1.4
"""By what other models may differ from that: our assumption."""
WARM_UP = 3
"""Steps that TaylorSeer computes first: diffusers' own."""
RETAINED, MAX_SKIPPED = 0.2, 3
"""MagCache: the share of a schedule that is computed first, and steps that are skipped in a row: diffusers' own."""


def denoisers_of(profile: Profile, stage: StageProfile) -> tuple[ComponentUse, ...]:
    """Returns what each denoiser does in a stage; none outside of denoising."""
    names = {one.name for one in profile.components if one.role is Role.DENOISER}
    return tuple(use for use in stage.uses if use.component in names and stage.stage == DENOISE)


def state_bytes(cache: StepCache | None, denoisers: Sequence[ComponentUse]) -> int:
    """Returns what a cache keeps on the device at most, for all prompts and denoisers; of a clip in windows for one.

    Args:
        cache: which; None takes nothing.
        denoisers: what each denoiser does in a step.
    """
    if cache is None:
        return 0
    prompts = round(sum(use.calls for use in denoisers))
    return prompts * sum(_kept_bytes(cache, use) for use in denoisers)


def computed_share(cache: StepCache | None, spec: ClipSpec, denoisers: Sequence[ComponentUse]) -> Range:
    """Returns the least and most share of the denoisers' work that is done all the same.

    Args:
        cache: which; None computes everything.
        spec: the clip, of which some steps may be made.
        denoisers: what each denoiser does in a step.
    """
    total = sum(use.calls for use in denoisers)
    if cache is None or not total:
        return 1.0, 1.0
    least = most = 0.0
    for use in denoisers:
        fewest, most_skipped = _skipped(cache, spec, use.calls / total)
        begun = 1 / max(len(use.blocks), 1) if cache.name == FIRSTBLOCK else 0.0
        least += use.calls / total * (1 - most_skipped * (1 - begun))
        most += use.calls / total * (1 - fewest * (1 - begun))
    return least, most


def _kept_bytes(cache: StepCache, use: ComponentUse) -> int:
    linear = [leaf for leaf in use.leaves if leaf.kind == "linear" and leaf.tokens]
    if cache.name == TAYLORSEER:
        last = next((leaf for leaf in reversed(linear) if leaf.block is None), None)
        return TAYLOR_TENSORS * _output_bytes(last, TAYLOR_ITEMSIZE) if last else 0
    inside = [leaf for leaf in linear if leaf.block is not None]
    if not inside:
        return 0
    (width, _), *_rest = Counter(leaf.rows for leaf in inside).most_common(1)
    largest = max((leaf for leaf in inside if leaf.rows == width), key=lambda leaf: leaf.tokens)
    return KEPT[cache.name] * _output_bytes(largest, largest.itemsize)


def _output_bytes(leaf: Leaf, itemsize: int) -> int:
    return leaf.tokens * leaf.rows * itemsize


def _skipped(cache: StepCache, spec: ClipSpec, share: float) -> Range:
    """Returns the least and most share of calls that are skipped by a denoiser that makes a share of all steps."""
    if cache.name in SKIPPED:
        usual = _between(SKIPPED[cache.name], cache.threshold or 0.0)
        return usual * LESS, min(usual * MORE, SKIPPED[cache.name][-1][1])
    steps = spec.of_steps or spec.num_inference_steps
    skips = _taylor(cache, round(steps * share)) if cache.name == TAYLORSEER else _mag(cache, steps)
    made = skips[: spec.num_inference_steps] if spec.is_draft else skips[-spec.num_inference_steps :]
    exact = sum(made) / max(len(made), 1)
    return exact, exact


def _between(points: Sequence[tuple[float, float]], threshold: float) -> float:
    for (low, less), (high, more) in pairwise(points):
        if threshold <= high:
            return less + (more - less) * (threshold - low) / (high - low)
    return points[-1][1]


def _taylor(cache: StepCache, steps: int) -> list[bool]:
    """Returns which steps are predicted, as `TaylorSeerCacheHook` decides it."""
    return [step >= WARM_UP and (step - WARM_UP - 1) % (cache.interval or 1) != 0 for step in range(steps)]


def _mag(cache: StepCache, steps: int) -> list[bool]:
    """Returns which steps are skipped, as `MagCacheHeadHook` decides it."""
    found, ratio, error, in_a_row = [], 1.0, 0.0, 0
    last, threshold = len(cache.mag_ratios) - 1, cache.threshold or 0.0
    for step in range(steps):
        skips = False
        if step >= int(RETAINED * steps + 0.5):
            ratio *= cache.mag_ratios[round(step * last / max(steps - 1, 1))]
            in_a_row, error = in_a_row + 1, error + abs(1 - ratio)
            skips = step > 0 and error <= threshold and in_a_row <= MAX_SKIPPED
            if not skips:
                ratio, error, in_a_row = 1.0, 0.0, 0
        found.append(skips)
    return found
