"""How a stock pipeline's call is addressed, whatever its signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from vgpipe.errors import ModelError


def pipeline_class_of(name: str) -> Any:
    """Returns a pipeline class of the installed diffusers.

    Raises:
        ModelError: where it has none of that name.
    """
    import diffusers

    found = getattr(diffusers, name, None)
    if found is None:
        raise ModelError(f"the installed diffusers {diffusers.__version__} has no {name} -> pip install -U diffusers")
    return found


def step_hook(pipeline: Any, on_step_end: Any) -> dict[str, Any]:
    """Has `on_step_end` called with (steps done, latents) after each step of a stock call.

    Returns:
        The arguments to add to the call; none where the pipeline has no callback and its `ResumableScheduler` tells.
    """

    def at_step_end(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step_end(step + 1, tensors["latents"])
        return {}

    parameters = inspect.signature(type(pipeline).__call__).parameters
    if "callback_on_step_end" in parameters:
        return {"callback_on_step_end": at_step_end}
    if "callback" in parameters:
        return {"callback": lambda step, _timestep, latents: on_step_end(step + 1, latents), "callback_steps": 1}
    pipeline.scheduler.after_step = on_step_end
    return {}


def accepted(pipeline: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those arguments that the pipeline's call takes and that are set."""
    parameters = inspect.signature(type(pipeline).__call__).parameters
    return {name: value for name, value in arguments.items() if name in parameters and value is not None}
