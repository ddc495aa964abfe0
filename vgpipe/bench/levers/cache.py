"""The step cache: what the denoiser reuses of earlier steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError
from vgpipe.vocabulary import FIRSTBLOCK, MAGCACHE, NO_CACHE, SEACACHE, TAYLORSEER

KEY = "cache"
ALLOWED, EXAMPLE = f"{SEACACHE}, {MAGCACHE}, {FIRSTBLOCK}, {TAYLORSEER}", "cache=[firstblock,taylorseer]"


def values(config: Config, steps: int) -> tuple[str, ...]:
    """Returns the caches that work with the model, beside that of the full run."""
    del steps
    from vgpipe.clips.from_config import step_cache
    from vgpipe.plans.inputs import planned_model
    from vgpipe.plans.target import target_of

    plain = replace(config, quality=replace(config.quality, cache=NO_CACHE, cache_threshold=None, cache_interval=None))
    family = planned_model(plain, target_of(config.hardware, for_run=False, folder=Path(config.store.dir))).family
    found = []
    for name in (SEACACHE, MAGCACHE, FIRSTBLOCK, TAYLORSEER):
        try:
            cache = step_cache(replace(plain.quality, cache=name), config.model)
            family.with_settings(replace(family.settings, cache=cache)).check_cache()
        except ConfigError:
            continue
        found.append(name)
    return tuple(name for name in found if name != config.quality.cache)
