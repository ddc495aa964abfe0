"""LTX-2 in two stages: the bits of the three stock calls, from every step, and previews of the clip's own size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.models.families.test_ltx2 import UNGUIDED
from tests.stages.drafting import Drafting
from tests.tiny import build
from vgpipe.models.base import Settings
from vgpipe.models.families.ltx2_two_stage import SECOND_SIGMAS
from vgpipe.models.open import Origin
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.planner.profiling.fake_stages import FakeStages

FOLLOWED = {**UNGUIDED, "sigmas": [1.0, 0.975, 0.725], "image_crf": 0}
CASE = Case("a small red circle", "", 5, 1.0, 128, 128, num_frames=9, fps=24, num_inference_steps=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("ltx2_distilled", tmp_path_factory.mktemp("ltx2"))


@pytest.fixture(scope="module")
def driven(folder) -> Driven:
    others = {"latent_upsampler": Origin(str(folder), subfolder="latent_upsampler")}
    return drive("ltx2_two_stage", folder, Settings(max_sequence_length=16, pipeline_kwargs=FOLLOWED), others)


def stock(folder: Path, class_name: str, case: Case, **given: Any) -> tuple[np.ndarray, torch.Tensor]:
    """Makes the calls of diffusers' docs: half the size, the upsampler, the full size."""
    import diffusers
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    pipeline = getattr(diffusers, class_name).from_pretrained(folder, torch_dtype=torch.float32)
    upsampler = LTX2LatentUpsamplerModel.from_pretrained(folder, subfolder="latent_upsampler")
    upsample = diffusers.LTX2LatentUpsamplePipeline(vae=pipeline.vae, latent_upsampler=upsampler)
    for one in (pipeline, upsample):
        one.set_progress_bar_config(disable=True)
    shared = {
        "prompt": case.prompt, "num_frames": case.num_frames, "frame_rate": case.fps, "guidance_scale": 1.0,
        "generator": torch.Generator().manual_seed(case.seed), "max_sequence_length": 16, "return_dict": False,
        **{name: value for name, value in FOLLOWED.items() if name not in ("sigmas", "image_crf")}, **given,
    }  # fmt: skip
    half, full = ({"width": case.width // by, "height": case.height // by} for by in (2, 1))
    video, sound = pipeline(**half, **shared, num_inference_steps=3, sigmas=FOLLOWED["sigmas"], output_type="latent")
    (video,) = upsample(latents=video, output_type="latent", return_dict=False)
    frames, samples = pipeline(
        **full, **shared, latents=video, audio_latents=sound, num_inference_steps=3, noise_scale=SECOND_SIGMAS[0],
        sigmas=list(SECOND_SIGMAS), output_type="np",
    )  # fmt: skip
    return frames[0], samples[0]


def assert_equals_stock(driven: Driven, case: Case, expected: tuple[np.ndarray, torch.Tensor]) -> None:
    made = driven.decoded(driven.latents(case)[1])
    assert made.frames_THWC.shape == (case.num_frames, case.height, case.width, 3)
    assert np.array_equal(made.frames_THWC, (expected[0] * 255).round().astype("uint8"))
    assert np.array_equal(made.sound.samples_SC, expected[1].numpy().T)


def test_both_stages_are_the_stock_calls_and_resume_from_every_step(folder, driven):
    assert_equals_stock(driven, CASE, stock(folder, "LTX2Pipeline", CASE))
    assert_resumes(driven, CASE, [1, 3, 4, 6])


def test_given_frames_condition_both_stages(folder, driven):
    from diffusers.pipelines.ltx2 import LTX2VideoCondition
    from PIL import Image

    given = np.random.default_rng(3).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    conditions = [
        LTX2VideoCondition(Image.fromarray(given[0]), 0, crf=0),
        LTX2VideoCondition(Image.fromarray(given[0]), -1, crf=0),
    ]
    expected = stock(folder, "LTX2ConditionPipeline", CASE, conditions=conditions)
    case = replace(CASE, frames_NHWC=given, last_frame_HWC=given[0])
    assert_equals_stock(driven, case, expected)
    assert_resumes(driven, case, [2, 5])


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_a_preview_of_either_stage_has_the_clips_size_and_is_continued(driven, tmp_path, steps):
    whole = Drafting(tmp_path / "whole", driven, CASE).run()
    clip = Drafting(tmp_path / "store", driven, CASE)
    shown = clip.draft(steps)
    assert shown.shape == whole.shape and not torch.equal(shown, whole)
    assert clip.checkpoint == steps and clip.seen == list(range(1, steps + 1))
    assert torch.equal(clip.run(), whole) and clip.seen == list(range(steps + 1, 7))


def test_a_plan_counts_every_component_of_a_clip_from_an_image(driven):
    spec = ClipSpec(
        width=128, height=128, num_frames=9, num_inference_steps=6, guidance_scale=1.0, fps=24, from_image=True
    )
    stages = FakeStages(driven.family, spec, "cuda")
    embeds = {"prompt_embeds": torch.zeros(1, 4, 48), "prompt_attention_mask": torch.ones(1, 4, dtype=torch.int64)}
    denoised = stages.denoise(embeds)
    decoded = stages.decode(denoised.result, embeds)
    called = {name: component.calls for run in (denoised, decoded) for name, component in run.components.items()}
    assert denoised.rounds == called["transformer"] == 6
    assert set(called) == {"connectors", "transformer", "vae", "audio_vae", "latent_upsampler", "vocoder"}
    assert all(called.values())


def test_the_steps_are_those_of_both_stages(driven):
    driven.family.check_classes()  # an argument for images is one of the pipeline for an image
    assert driven.family.steps_obstacle(6) is None
    assert "the first stage has 3 steps" in (driven.family.steps_obstacle(3) or "")
