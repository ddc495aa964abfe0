"""Predictions from noised latents, through the stock call of each family."""

from __future__ import annotations

import diffusers
import pytest
import torch

from tests.models.driven import Case, Driven
from tests.models.long_clips import SETUPS
from tests.models.test_prediction import X0, levels
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.noised import NoisedPredictions, noise_shares, with_noise

SCHEDULERS = [
    ("DDIMScheduler", {}),
    ("CogVideoXDPMScheduler", {}),
    ("UniPCMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {"prediction_type": "flow_prediction", "use_flow_sigmas": True}),
    ("EulerDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {}),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("FlowMatchEulerDiscreteScheduler", {"invert_sigmas": True}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULERS)
def test_noise_is_laid_on_as_the_schedule_has_it(name, options):
    scheduler = getattr(diffusers, name)(**options)
    scheduler.set_timesteps(6)
    shares = noise_shares(scheduler)
    assert shares == sorted(shares, reverse=True) and 0.5 < shares[0] <= 1
    signal, noise, scale = levels(scheduler, scheduler.timesteps[0])
    laid_on = torch.randn(X0.shape, generator=torch.Generator().manual_seed(1000))
    assert torch.allclose(with_noise(scheduler, X0, 0), scale * (signal * X0 + noise * laid_on), atol=1e-4)


def predictions(driven: Driven, case: Case) -> tuple[NoisedPredictions, torch.Tensor, dict]:
    family = driven.family
    latents, _ = driven.latents(case)
    texts = driven.of(family.encode_components)
    embeds = {text: family.encode(texts, text) for text in (case.prompt, "", "a blue square")}
    request = DenoiseRequest(
        embeds=embeds[case.prompt], negative_embeds=None, width=case.width, height=case.height,
        num_frames=case.num_frames, fps=case.fps, num_inference_steps=case.num_inference_steps, guidance_scale=1.0,
        generator=torch.Generator(), latents=None, frames_NHWC=None, on_step_end=lambda *_: None,
        windows=driven.windows(case),
    )  # fmt: skip
    parts = driven.of(family.denoise_components(from_image=False))
    return NoisedPredictions(family, parts, request), latents, embeds


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["wan-ti2v", "ltx-condition"])
def test_a_family_tells_how_far_a_prompt_pulls_and_in_windows_too(name, opened):
    driven, case = opened(name), SETUPS[name].case
    noised, latents, embeds = predictions(driven, case)
    pulls = noised.pulls(latents, (0.5, 0.2), embeds[case.prompt], embeds[""])
    assert len(pulls) == 1 and 0 < pulls[0] < 1e6, "of three steps, one is nearest to both levels"
    assert len(noised.pulls(latents, (0.9, 0.2), embeds[case.prompt], embeds[""])) == 2
    assert noised.pulls(latents, (0.5, 0.2), embeds[case.prompt], embeds[""]) == pulls, "no noise of its own"
    assert noised.pulls(latents, (0.5,), embeds[""], embeds[""]) == [0.0]
