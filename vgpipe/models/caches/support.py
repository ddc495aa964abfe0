"""Which step caches work with which denoiser. `benchmarks/caches.py` finds out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from packaging.version import Version

from vgpipe.errors import ConfigError
from vgpipe.models.caches.choice import StepCache
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, NO_CACHE, SEACACHE, TAYLORSEER

MIN_DIFFUSERS = "0.42.1"
"""The hooks before have no SeaCache, and this one's pipelines were tried."""
ALL = (SEACACHE, MAGCACHE, FIRSTBLOCK, TAYLORSEER)
NO_INDICATOR = "it computes every step, since the hook knows no latents of this class"
HINTS_TWICE = "a skipped step adds its hints twice, which is 30 % off where nothing has changed"
UNKNOWN_BLOCKS = "diffusers does not know its blocks and raises"
UNTRIED = "no cache was proved with this class"
NO_RATIOS = "it needs model.mag_ratios, a calibration of the checkpoint, which this model has none of"
TWO_EXPERTS = "it counts the steps of each expert from zero, where its ratios are of the whole schedule"
OWN_IMAGE_CHANNELS = "it computes every step, since the denoiser takes more channels than it gives"

UNFIT: Mapping[str, Mapping[str, str]] = {
    "WanTransformer3DModel": {},
    "WanVACETransformer3DModel": {SEACACHE: NO_INDICATOR, MAGCACHE: HINTS_TWICE, FIRSTBLOCK: HINTS_TWICE},
    "CogVideoXTransformer3DModel": {SEACACHE: NO_INDICATOR},
    "HunyuanVideoTransformer3DModel": {SEACACHE: NO_INDICATOR},
    "HunyuanVideo15Transformer3DModel": dict.fromkeys((SEACACHE, MAGCACHE, FIRSTBLOCK), UNKNOWN_BLOCKS),
    "LTXVideoTransformer3DModel": {SEACACHE: NO_INDICATOR},
    "MochiTransformer3DModel": {SEACACHE: NO_INDICATOR},
}
"""Class of a denoiser that was tried -> the caches that do not work with it, and why not."""


def check(checkpoint: Checkpoint, cache: StepCache | None, denoisers: Sequence[str]) -> None:
    """Checks, without loading anything, that a cache works with a model's denoisers.

    Args:
        checkpoint: the model's files.
        cache: what is asked for; None asks for nothing.
        denoisers: the components that denoise.

    Raises:
        ConfigError: naming those that do.
    """
    if cache is None:
        return
    reason = obstacle(checkpoint, cache, denoisers)
    if reason is None:
        _refuse_old_diffusers(cache.name)
        return
    fit = [one for one in ALL if obstacle(checkpoint, replace(cache, name=one), denoisers) is None]
    remedy = f"what works with it: quality.cache={'|'.join((*fit, NO_CACHE))}"
    what = " and ".join(dict.fromkeys(map(checkpoint.class_name, denoisers)))
    raise ConfigError(f"quality.cache={cache.name} does not work with this model ({what}): {reason} -> {remedy}")


def obstacle(checkpoint: Checkpoint, cache: StepCache, denoisers: Sequence[str]) -> str | None:
    """Returns why a cache does not work with a model's denoisers; None where it does.

    Args:
        checkpoint: the model's files.
        cache: the cache.
        denoisers: the components that denoise.
    """
    for component in denoisers:
        unfit = UNFIT.get(checkpoint.class_name(component))
        if unfit is None or cache.name in unfit:
            return UNTRIED if unfit is None else unfit[cache.name]
        if cache.name == SEACACHE and _takes_more_channels(checkpoint.config(component)):
            return OWN_IMAGE_CHANNELS
    if cache.name != MAGCACHE:
        return None
    return TWO_EXPERTS if len(denoisers) > 1 else None if cache.mag_ratios else NO_RATIOS


def _takes_more_channels(config: Mapping[str, Any]) -> bool:
    return bool(config.get("in_channels") != config.get("out_channels"))


def _refuse_old_diffusers(cache: str) -> None:
    have = version("diffusers")
    if Version(have) < Version(MIN_DIFFUSERS):
        remedy = f"pip install -U 'diffusers>={MIN_DIFFUSERS}', or quality.cache=none"
        raise ConfigError(
            f"quality.cache={cache}: needs diffusers {MIN_DIFFUSERS}, and {have} is installed -> {remedy}"
        )
