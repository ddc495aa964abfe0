"""What a model predicts the finished latents (x0) to be, from the arguments of one step of its scheduler.

A model predicts noise, velocity or data at the noise level of its input; which, the scheduler's config says. No
scheduler keeps x0 in one place that all have, so it is computed from `step`'s own arguments and the noise levels that
the scheduler looks up for them. The last column is where the scheduler has the same number, for comparison.

| schedulers | noise level | x0 in the scheduler itself |
| --- | --- | --- |
| DDIM, DDIMParallel, DDPM, DDPMParallel: clipped as configured | `alphas_cumprod[timestep]` | `step`[1] |
| CogVideoXDDIM, CogVideoXDPM | `alphas_cumprod[timestep]` | `step`[1] |
| LCM: with its boundary scalings | `alphas_cumprod[timestep]` | `step`[1] |
| PNDM, TCD | `alphas_cumprod[timestep]` | nowhere |
| UniPC, DPMSolverMultistep, DPMSolverSinglestep, DEIS | `sigmas[step_index]` | `model_outputs[-1]`, \
where the solver works on x0 |
| Euler, EulerAncestral, Heun, LMS | `sigmas[step_index]`, of latents that are not scaled down | `step`[1] |
| FlowMapEuler | `sigmas[step_index]`; the model gives the mean velocity of the step, which is followed to the end \
| nowhere |
| FlowMatchEuler, FlowMatchHeun | `sigmas[step_index]`, or of each token | nowhere |
| MiniMaxH3: its model gives the velocity towards the data | `sigmas[step_index]` | nowhere |

With two evaluations a step (Heun, PNDM's first), each is given latents at a noise level of its own, which is the one
looked up.

Two are left out, since nothing bit-identical could continue their drafts: SASolver remembers a function, which no
checkpoint can hold, and FlowMatchLCM draws noise at each step, from torch's global generator where a pipeline hands it
none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError

if TYPE_CHECKING:
    import torch

Formula = Callable[[Any, "torch.Tensor", "torch.Tensor", Mapping[str, Any]], "torch.Tensor"]
REMEDY = "leave draft out, or set model.scheduler.name to one of"
MODEL_OUTPUT, SAMPLE, TIMESTEP, TOKENS = "model_output", "sample", "timestep", "per_token_timesteps"


def obstacle(scheduler: str) -> str | None:
    """Returns why no prediction can be had from a scheduler; None where one can.

    Args:
        scheduler: its class in diffusers.
    """
    if scheduler in _RULES:
        return None
    return f"what a step of {scheduler} predicts is unknown -> {REMEDY}: {', '.join(sorted(_RULES))}"


def predicted_x0(scheduler: Any, arguments: Mapping[str, Any]) -> torch.Tensor:
    """Returns the finished latents as the model predicts them at one step, in float32.

    Args:
        scheduler: a diffusers scheduler that is about to make the step; left as it is.
        arguments: of `step`, by name: `model_output`, `timestep` and `sample`, of the same shape and any precision.

    Raises:
        ModelError: naming a scheduler of which it is unknown, or a prediction type that it cannot convert.
    """
    name = type(scheduler).__name__
    reason = obstacle(name)
    if reason is not None:
        raise ModelError(reason)
    rule = _RULES[name]
    x0 = rule.formula(scheduler, arguments[MODEL_OUTPUT].float(), arguments[SAMPLE].float(), arguments)
    return _bounded(scheduler, x0) if rule.is_bounded else x0


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a scheduler's prediction is found.

    Attributes:
        formula: gives it from the scheduler, the model's output, its input and all arguments of `step`.
        is_bounded: whether the scheduler clips or thresholds it where its config says so.
    """

    formula: Formula
    is_bounded: bool = False


def _by_timestep(scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
    share = scheduler.alphas_cumprod[int(given[TIMESTEP])].float().to(sample.device)
    return _converted(scheduler, output, sample, share.sqrt(), (1 - share).sqrt())


def _consistent(scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
    """A consistency model's, which equals its input where no noise is left (arXiv 2303.01469, equation 5)."""
    x0 = _bounded(scheduler, _by_timestep(scheduler, output, sample, given))
    skip, out = scheduler.get_scalings_for_boundary_condition_discrete(given[TIMESTEP])
    return out * x0 + skip * sample


def _of_solver(scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
    sigma = _sigma(scheduler, given, sample)
    if scheduler.config.get("use_flow_sigmas"):
        return _converted(scheduler, output, sample, 1 - sigma, sigma)
    alpha = (sigma**2 + 1).rsqrt()
    return _converted(scheduler, output, sample, alpha, sigma * alpha)


def _of_unscaled(scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
    sigma = _sigma(scheduler, given, sample)
    if _prediction_type(scheduler) == "epsilon":  # the same as below, without rounding at a large sigma
        return sample - sigma * output
    alpha = (sigma**2 + 1).rsqrt()
    return _converted(scheduler, output, sample * alpha, alpha, sigma * alpha)


def _of_flow(scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]) -> torch.Tensor:
    """Follows the velocity to the end of the schedule, as `step` would."""
    tokens = given.get(TOKENS)
    if tokens is None:
        end = 1.0 if scheduler.config.get("invert_sigmas") else 0.0
        return sample + (end - _sigma(scheduler, given, sample)) * output
    sigmas_BS1 = (tokens / scheduler.config.num_train_timesteps).unsqueeze(-1)
    # Between tokens' own noise levels, its steps go down along the output rather than against it.
    return sample - sigmas_BS1 * output if scheduler.config.get("stochastic_sampling") else sample + sigmas_BS1 * output


def _of_flow_to_data(
    scheduler: Any, output: torch.Tensor, sample: torch.Tensor, given: Mapping[str, Any]
) -> torch.Tensor:
    """Follows the velocity, which points the other way, to the end of the schedule."""
    return sample + _sigma(scheduler, given, sample) * output


def _converted(
    scheduler: Any, output: torch.Tensor, sample: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor
) -> torch.Tensor:
    """Converts what a model gave for a sample `alpha * x0 + sigma * noise`."""
    match _prediction_type(scheduler):
        case "epsilon":
            return (sample - sigma * output) / alpha
        case "v_prediction":
            return alpha * sample - sigma * output
        case "sample" | "original_sample":
            return output
        case "flow_prediction":
            return sample - sigma * output
        case other:
            raise ModelError(f"{type(scheduler).__name__}: prediction_type {other!r} is unknown -> leave draft out")


def _prediction_type(scheduler: Any) -> str:
    return str(scheduler.config.get("prediction_type", "epsilon"))


def _sigma(scheduler: Any, given: Mapping[str, Any], sample: torch.Tensor) -> torch.Tensor:
    index = scheduler.step_index
    if index is None:  # before the first step
        begin = scheduler.begin_index
        index = scheduler.index_for_timestep(given[TIMESTEP]) if begin is None else begin
    sigma: torch.Tensor = scheduler.sigmas[index].float().to(sample.device)
    return sigma


def _bounded(scheduler: Any, x0: torch.Tensor) -> torch.Tensor:
    config = scheduler.config
    if config.get("thresholding"):
        thresholded: torch.Tensor = scheduler._threshold_sample(x0)
        return thresholded
    if config.get("clip_sample"):
        return x0.clamp(-config.clip_sample_range, config.clip_sample_range)
    return x0


_BY_TIMESTEP, _BOUNDED_BY_TIMESTEP = _Rule(_by_timestep), _Rule(_by_timestep, is_bounded=True)
_OF_SOLVER, _OF_UNSCALED, _OF_FLOW = _Rule(_of_solver, is_bounded=True), _Rule(_of_unscaled), _Rule(_of_flow)
_RULES = {
    "CogVideoXDDIMScheduler": _BY_TIMESTEP,
    "CogVideoXDPMScheduler": _BY_TIMESTEP,
    "DDIMParallelScheduler": _BOUNDED_BY_TIMESTEP,
    "DDIMScheduler": _BOUNDED_BY_TIMESTEP,
    "DDPMParallelScheduler": _BOUNDED_BY_TIMESTEP,
    "DDPMScheduler": _BOUNDED_BY_TIMESTEP,
    "DEISMultistepScheduler": _OF_SOLVER,
    "DPMSolverMultistepScheduler": _OF_SOLVER,
    "DPMSolverSinglestepScheduler": _OF_SOLVER,
    "EulerAncestralDiscreteScheduler": _OF_UNSCALED,
    "EulerDiscreteScheduler": _OF_UNSCALED,
    "FlowMapEulerDiscreteScheduler": _OF_FLOW,
    "FlowMatchEulerDiscreteScheduler": _OF_FLOW,
    "FlowMatchHeunDiscreteScheduler": _OF_FLOW,
    "HeunDiscreteScheduler": _Rule(_of_unscaled, is_bounded=True),
    "LCMScheduler": _Rule(_consistent),
    "LMSDiscreteScheduler": _OF_UNSCALED,
    "MiniMaxH3Scheduler": _Rule(_of_flow_to_data),
    "PNDMScheduler": _BY_TIMESTEP,
    "TCDScheduler": _BY_TIMESTEP,
    "UniPCMultistepScheduler": _OF_SOLVER,
}
