"""Guidance in a part of the schedule: fewer passes of the denoiser, at the same steps where it resumes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.conftest import built, opened  # noqa: F401 (fixtures)
from tests.models.driven import assert_resumes
from tests.models.long_clips import SETUPS, denoisers, spied
from vgpipe.models.pipeline.guidance_interval import is_guided

STEPS = 4


def short(name, interval=(0.0, 1.0)):
    case = replace(SETUPS[name].case, window=None, num_frames=SETUPS[name].case.window[0], num_inference_steps=STEPS)
    return replace(case, guidance_interval=interval)


@pytest.mark.parametrize(
    ("interval", "guided"),
    [((0.0, 1.0), [0, 1, 2, 3]), ((0.0, 0.7), [0, 1]), ((0.25, 0.75), [1, 2]), ((0.5, 1.0), [2, 3]), ((0, 0.1), [])],
)
def test_the_share_is_counted_as_a_guider_of_diffusers_does(interval, guided):
    assert [step for step in range(STEPS) if is_guided(step, STEPS, interval)] == guided


@pytest.mark.parametrize("name", ["wan", "wan-experts", "vace", "hunyuan-1.5"])
def test_steps_outside_take_one_pass_and_a_resumed_clip_is_guided_at_the_same_ones(opened, name):  # noqa: F811
    driven, case = opened(name), short(name, (0.25, 0.75))
    with spied(denoisers(driven, case)) as calls:
        limited, _ = driven.latents(case)
    assert len(calls) == STEPS + 2
    assert not torch.equal(limited, driven.latents(short(name))[0])
    assert_resumes(driven, case, [1, 2, 3])


def test_the_latents_are_those_of_a_stock_pipeline_that_is_told_at_each_step(opened, built):  # noqa: F811
    import diffusers

    driven, case = opened("wan"), short("wan", (0.0, 0.5))
    parts = {"scheduler": driven.family.scheduler()}
    pipe = diffusers.WanPipeline.from_pretrained(built("wan21_t2v_1_3b"), torch_dtype=torch.float32, **parts)
    pipe.set_progress_bar_config(disable=True)

    def tell(pipe, step, _timestep, _tensors):
        pipe._guidance_scale = case.guidance_scale if step + 1 < STEPS // 2 else 1.0
        return {}

    stock = pipe(
        case.prompt, case.negative_prompt, case.height, case.width, case.num_frames, STEPS, case.guidance_scale,
        generator=torch.Generator().manual_seed(case.seed), output_type="latent", max_sequence_length=16,
        callback_on_step_end=tell,
    ).frames  # fmt: skip
    assert torch.equal(driven.latents(case)[0], stock)


def test_other_families_say_why_they_cannot(opened):  # noqa: F811
    assert opened("wan").family.interval_obstacle() is None
    assert "CogVideoXPipeline decides before its first step" in opened("cogvideox-5b").family.interval_obstacle()
