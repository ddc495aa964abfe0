"""The guidance scale: at 1 the denoiser is called once a step rather than twice."""

from __future__ import annotations

from vgpipe.config.schema import Config

KEY = "guidance_scale"
ALLOWED, EXAMPLE = "numbers from 0 to 100", "guidance=[1,2.5]"
OFF = 1.0


def values(config: Config, steps: int) -> tuple[float, ...]:
    """Returns 1, where the full run has guidance."""
    del steps
    given = (getattr(one, KEY) for one in (config.clip, config.quality, config.model.reference))
    scale = next((one for one in given if one is not None), OFF)
    return (OFF,) if scale > OFF else ()
