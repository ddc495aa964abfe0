"""A perfect model's prediction is what the noise was added to, at every step of every scheduler."""

from __future__ import annotations

import inspect

import diffusers
import pytest
import torch

from vgpipe.errors import ModelError
from vgpipe.models.prediction import obstacle, predicted_x0

BY_TIMESTEP = [
    "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler", "DDIMScheduler", "DDPMScheduler", "DDIMParallelScheduler",
    "DDPMParallelScheduler", "LCMScheduler", "PNDMScheduler", "TCDScheduler",
]  # fmt: skip
SOLVERS = [
    "DEISMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler",
]  # fmt: skip
UNSCALED = [
    "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler",
]  # fmt: skip
TO_DATA = "MiniMaxH3Scheduler"
"""Whose model gives the velocity towards the data."""
FLOW = [
    "FlowMapEulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler", TO_DATA,
]  # fmt: skip
TYPES = ["epsilon", "v_prediction", "sample"]
ONLY_TWO = ["PNDMScheduler", "EulerAncestralDiscreteScheduler"]  # refuse the type `sample`
ENDS_ELSEWHERE = ["DEISMultistepScheduler", "PNDMScheduler", "TCDScheduler"]
"""Whose last step leaves noise, or takes more than its own prediction into account."""
CASES = [
    *((name, {"prediction_type": kind}) for name in [*BY_TIMESTEP, *SOLVERS, *UNSCALED] for kind in TYPES
      if not (kind == "sample" and name in ONLY_TWO)),
    *((name, {"prediction_type": "flow_prediction", "use_flow_sigmas": True}) for name in SOLVERS),
    *((name, {}) for name in FLOW),
    ("FlowMapEulerDiscreteScheduler", {"shift": 5.0}),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 7.0, "invert_sigmas": True}),
    ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}),
    ("UniPCMultistepScheduler", {"predict_x0": False}),
    ("CogVideoXDPMScheduler", {
        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
    }),
]  # fmt: skip
STEPS = 5
GENERATOR = torch.Generator().manual_seed(0)
X0 = torch.rand(1, 4, 2, 3, 3, generator=GENERATOR) * 1.6 - 0.8  # within the bounds of schedulers that clip
NOISE = torch.randn(1, 4, 2, 3, 3, generator=GENERATOR)


def levels(scheduler, timestep):
    """The shares of data and noise in latents at a timestep, and the factor that unscaled ones are larger by."""
    name = type(scheduler).__name__
    if name in BY_TIMESTEP:
        share = scheduler.alphas_cumprod[int(timestep)]
        return share.sqrt(), (1 - share).sqrt(), 1.0
    index = scheduler.step_index
    sigma = scheduler.sigmas[0 if index is None else index].float()
    if name in FLOW or scheduler.config.get("use_flow_sigmas"):
        return (sigma, 1 - sigma, 1.0) if scheduler.config.get("invert_sigmas") else (1 - sigma, sigma, 1.0)
    scale = (sigma**2 + 1).sqrt()
    return 1 / scale, sigma / scale, scale if name in UNSCALED else 1.0


def perfect(scheduler, alpha, sigma):
    """What a perfect model gives."""
    if type(scheduler).__name__ in FLOW:
        is_turned = scheduler.config.get("invert_sigmas") or type(scheduler).__name__ == TO_DATA
        return X0 - NOISE if is_turned else NOISE - X0
    outputs = {"epsilon": NOISE, "sample": X0, "flow_prediction": NOISE - X0}
    return {**outputs, "v_prediction": alpha * NOISE - sigma * X0}[scheduler.config.prediction_type]


def arguments(scheduler, model_output, timestep, sample, before):
    given = {"model_output": model_output, "timestep": timestep, "sample": sample}
    if "timestep_back" in inspect.signature(scheduler.step).parameters:
        given |= {"old_pred_original_sample": before[1], "timestep_back": before[0]}
    return given


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_perfect_model_predicts_what_noise_was_added_to(name, options):
    scheduler = getattr(diffusers, name)(**options)
    scheduler.set_timesteps(STEPS)
    before = (None, None)
    for timestep in scheduler.timesteps:
        alpha, sigma, scale = levels(scheduler, timestep)
        sample = scale * (alpha * X0 + sigma * NOISE)
        given = arguments(scheduler, perfect(scheduler, alpha, sigma), timestep, sample, before)
        predicted = predicted_x0(scheduler, given)
        assert predicted.dtype == torch.float32
        torch.testing.assert_close(predicted, X0, atol=1e-4, rtol=0)
        before = timestep, scheduler.step(**given, return_dict=False)[-1]


def denoised(scheduler):
    """A whole schedule with a made-up model, step by step: the prediction, and all that `step` gave."""
    scheduler.set_timesteps(STEPS)
    before, sample, made = (None, None), NOISE * getattr(scheduler, "init_noise_sigma", 1.0), []
    for timestep in scheduler.timesteps:
        model_input = (
            scheduler.scale_model_input(sample, timestep) if hasattr(scheduler, "scale_model_input") else sample
        )
        given = arguments(scheduler, torch.sin(model_input * 1.3 + float(timestep) / 100), timestep, sample, before)
        predicted = predicted_x0(scheduler, given)
        result = scheduler.step(**given, return_dict=False)
        before, sample = (timestep, result[-1]), result[0]
        made.append((predicted, result))
    return made


@pytest.mark.parametrize("name", [*BY_TIMESTEP[:7], *UNSCALED])
def test_it_is_what_a_scheduler_itself_says(name):
    for predicted, (_, own, *_) in denoised(getattr(diffusers, name)()):
        torch.testing.assert_close(predicted, own, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"thresholding": True}, {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}]
)
@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "UniPCMultistepScheduler"])
def test_it_is_what_a_solver_works_on(name, options):
    if options.get("thresholding") and name.startswith("DPM"):
        options = {**options, "solver_order": 1}
    scheduler = getattr(diffusers, name)(**options)
    made = denoised(scheduler)
    torch.testing.assert_close(made[-1][0], scheduler.model_outputs[-1], atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted({*BY_TIMESTEP, *SOLVERS, *UNSCALED, *FLOW} - {*ENDS_ELSEWHERE}))
def test_the_last_steps_prediction_is_the_finished_clip(name):
    options = {"set_alpha_to_one": True} if "DDIM" in name else {}
    predicted, (latents, *_) = denoised(getattr(diffusers, name)(**options))[-1]
    torch.testing.assert_close(predicted, latents, atol=1e-5, rtol=1e-4)


def test_tokens_with_noise_levels_of_their_own():
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(STEPS)
    x0_BSC, noise_BSC = torch.ones(1, 3, 2), torch.zeros(1, 3, 2)
    levels_BS = torch.tensor([[1.0, 0.4, 0.0]])
    sample_BSC = levels_BS[..., None] * noise_BSC + (1 - levels_BS[..., None]) * x0_BSC
    given = {
        "model_output": x0_BSC - noise_BSC,  # as LTXConditionPipeline hands it over
        "timestep": scheduler.timesteps[0], "sample": sample_BSC, "per_token_timesteps": levels_BS * 1000,
    }  # fmt: skip
    torch.testing.assert_close(predicted_x0(scheduler, given), x0_BSC)


def test_an_unknown_scheduler_is_named():
    assert obstacle("UniPCMultistepScheduler") is None
    with pytest.raises(ModelError, match=r"EDMEulerScheduler.*UniPCMultistepScheduler"):
        predicted_x0(diffusers.EDMEulerScheduler(), {})
