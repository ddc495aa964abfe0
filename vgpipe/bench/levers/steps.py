"""The number of denoising steps."""

from __future__ import annotations

from vgpipe.bench.levers import baseline
from vgpipe.config.schema import Config

KEY = "num_inference_steps"
ALLOWED, EXAMPLE = "whole numbers from 1 to 1000", "steps=[4,8,12]"
SHARES = (0.15, 0.25, 0.4, 0.5, 0.65, 0.8)
"""Of the full run's steps."""


def values(config: Config, steps: int) -> tuple[int, ...]:
    """Returns numbers of steps between the baseline and the full run."""
    del config
    return tuple(sorted({one for share in SHARES if baseline.STEPS < (one := round(steps * share)) < steps}))
