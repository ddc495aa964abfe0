"""How a stock pipeline is called, for any signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from vgpipe.errors import ModelError, PrecisionError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.installed_classes import class_of
from vgpipe.models.resumable import ResumableScheduler
from vgpipe.models.weights.precision import VAE, remedy_for_overflow
from vgpipe.sound.record import Sound

if TYPE_CHECKING:
    import numpy as np
    import torch

NOTHING = object()
"""An argument that is None, where the default of the call is something else."""


def pipeline_class_of(name: str) -> Any:
    """Returns a pipeline class of the installed diffusers.

    Raises:
        ModelError: where it has none of that name, or cannot import it.
    """
    found = class_of("diffusers", name)
    if found is None:
        import diffusers

        raise ModelError(f"the installed diffusers {diffusers.__version__} has no {name} -> pip install -U diffusers")
    return found


def require_diffusers(least: str, what: str) -> None:
    """Refuses a diffusers that is too old for what a family does.

    Args:
        least: the first version that can.
        what: what it can, the pipeline named first.

    Raises:
        ModelError: naming both versions.
    """
    have = version("diffusers")
    if Version(have) < Version(f"{least}.dev0"):
        remedy = f"pip install -U 'diffusers>={least}'"
        raise ModelError(f"{what} from diffusers {least} on, and {have} is installed -> {remedy}")


def step_hook(pipeline: Any, on_step_end: Any) -> dict[str, Any]:
    """Has `on_step_end` called with (steps done, latents) after each step of a stock call.

    Returns:
        The arguments to add to the call; none where the pipeline has no callback and its `ResumableScheduler` calls it.
    """

    def at_step_end(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step_end(step + 1, tensors["latents"])
        return {}

    def at_some_step_end(step: int, _timestep: Any, latents: torch.Tensor) -> None:
        # Its own count leaves iterations out where a scheduler makes two of a step.
        scheduler = pipeline.scheduler
        on_step_end(scheduler.steps if isinstance(scheduler, ResumableScheduler) else step + 1, latents)

    parameters = inspect.signature(type(pipeline).__call__).parameters
    if "callback_on_step_end" in parameters:
        return {"callback_on_step_end": at_step_end}
    if "callback" in parameters:
        return {"callback": at_some_step_end, "callback_steps": 1}
    pipeline.scheduler.after_step = on_step_end
    return {}


def accepted(pipeline: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those arguments that the pipeline's call takes and that are set, or that it has no default for.

    `NOTHING` is given as None.
    """
    parameters = inspect.signature(type(pipeline).__call__).parameters
    taken = {name: value for name, value in arguments.items() if name in parameters}
    needed = {name for name in taken if parameters[name].default is inspect.Parameter.empty}
    given = {name: value for name, value in taken.items() if value is not None or name in needed}
    return {name: None if value is NOTHING else value for name, value in given.items()}


def keep_dtype(pipeline: Any, dtype: torch.dtype) -> None:
    """Makes the loop start with given latents in their own dtype, which rounds the timestep too.

    Some pipelines convert them like fresh noise, to float32; after one step they have the transformer's precision.

    Args:
        pipeline: whose `prepare_latents` is replaced.
        dtype: of the given latents.
    """
    import torch

    prepare = pipeline.prepare_latents

    def prepare_latents(*args: Any, **kwargs: Any) -> Any:
        prepared = prepare(*args, **kwargs)
        return prepared.to(dtype) if isinstance(prepared, torch.Tensor) else prepared

    pipeline.prepare_latents = prepare_latents


def refuse_unknown(key: str, given: Mapping[str, Any], takers: Sequence[Callable[..., Any]]) -> None:
    """Refuses settings that nothing takes.

    Args:
        key: where they are in the config.
        given: name -> value.
        takers: classes and functions, of which one must have a parameter of that name.

    Raises:
        ModelError: naming those that none has.
    """
    known = {name for taker in takers for name in inspect.signature(taker).parameters}
    unknown = sorted(set(given) - known)
    if unknown:
        names = ", ".join(getattr(taker, "__qualname__", str(taker)).partition(".")[0] for taker in takers)
        raise ModelError(f"{key}: {names} takes no {', '.join(unknown)} -> leave it out, or upgrade diffusers")


def to_uint8(frames_THWC: np.ndarray, settings: Settings, ran: Sequence[str] = (VAE,)) -> np.ndarray:
    """Rounds frames of 0 to 1 as diffusers' `numpy_to_pil` does.

    Args:
        frames_THWC: frames.
        settings: how the model was loaded.
        ran: the components that gave them, for the message.

    Raises:
        PrecisionError: where they are no numbers; rounded they would pass for black ones.
    """
    import numpy as np

    if not np.isfinite(frames_THWC).all():
        remedy = remedy_for_overflow(settings, ran)
        raise PrecisionError(f"the decoded frames are not finite (NaN or infinite) -> {remedy}", "decode")
    rounded: np.ndarray = (frames_THWC * 255).round().astype("uint8")
    return rounded


def to_sound(waveform_CS: torch.Tensor, sample_rate_hz: int, settings: Settings, ran: Sequence[str]) -> Sound:
    """Returns the sound of a clip, its loudness untouched.

    Args:
        waveform_CS: (channels, samples), of any floating type, on any device.
        sample_rate_hz: samples a second.
        settings: how the model was loaded.
        ran: the components that gave it, for the message.

    Raises:
        PrecisionError: where it holds NaN or infinity.
    """
    import numpy as np

    samples_SC = np.ascontiguousarray(waveform_CS.detach().float().cpu().numpy().T)
    if not np.isfinite(samples_SC).all():
        remedy = remedy_for_overflow(settings, ran)
        raise PrecisionError(f"the decoded sound is not finite (NaN or infinite) -> {remedy}", "decode")
    return Sound(samples_SC, int(sample_rate_hz))
