"""Guides only a part of a schedule: outside it the denoiser makes one pass a step, without the negative prompt.

T. Kynkäänniemi et al., Applying Guidance in a Limited Interval Improves Sample and Distribution Quality in Diffusion
Models (arXiv 2404.07724). For pipelines that ask at every step whether to guide, by `_guidance_scale`.
"""

from __future__ import annotations

import functools
from typing import Any

from vgpipe.models.base import WHOLE_SCHEDULE, DenoiseRequest, StepCallback
from vgpipe.models.resumable import ResumableScheduler

UNGUIDED = 1.0


def is_guided(step: int, total_steps: int, interval: tuple[float, float]) -> bool:
    """Returns whether a step lies in a share of a schedule, counted as diffusers' guiders count.

    Args:
        step: from 0.
        total_steps: of the whole schedule.
        interval: where guidance starts and stops, as shares of the steps, 0 to 1.
    """
    start, stop = interval
    return int(start * total_steps) <= step < int(stop * total_steps)


def guided_within(pipeline: Any, request: DenoiseRequest) -> StepCallback:
    """Has a stock pipeline guide only the steps of a request's interval, also where it resumes in their middle.

    Args:
        pipeline: about to be called; its scheduler is a `ResumableScheduler`, whose `set_timesteps` it calls after it
            has looked at the guidance and the prompts.
        request: the request.

    Returns:
        What to call after each step, in place of the request's `on_step_end`.
    """
    if request.guidance_interval == WHOLE_SCHEDULE:
        return request.on_step_end
    scheduler: ResumableScheduler = pipeline.scheduler
    original = scheduler.set_timesteps

    def decide() -> None:
        step = scheduler.done_steps + scheduler.steps
        guided = is_guided(step, scheduler.total_steps, request.guidance_interval)
        pipeline._guidance_scale = request.guidance_scale if guided else UNGUIDED

    @functools.wraps(original)
    def set_timesteps(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        decide()

    def on_step_end(steps: int, latents: Any) -> None:
        request.on_step_end(steps, latents)
        decide()

    scheduler.set_timesteps = set_timesteps
    return on_step_end
