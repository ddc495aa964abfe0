"""LTX-Video: vgpipe's latents and frames are the stock pipelines', bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.tiny import build
from tests.tiny.ltx import vae_091
from vgpipe.models.base import PlacedFrames, Settings
from vgpipe.models.families.ltx_condition import LtxConditionFamily
from vgpipe.models.open import Origin
from vgpipe.stages import tensors

DECODE = {"decode_timestep": 0.05, "decode_noise_scale": 0.025}
PIPELINES = {"ltx_video_2b": "LTXPipeline", "ltx_video_distilled": "LTXConditionPipeline"}
FAMILIES = {"ltx_video_2b": "ltx", "ltx_video_distilled": "ltx_condition"}
CASES = [
    Case("a small red circle", width=64, fps=24, num_inference_steps=3),
    Case("blue square moving left", "red", 7, 5.5, width=96, height=64, num_frames=17, fps=12, num_inference_steps=4),
    Case("circle", "", 1234567, 1.0, width=32, height=64, fps=25, num_inference_steps=3),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {option: build(option, tmp_path_factory.mktemp(option)) for option in PIPELINES}


def settings(dtype: str = "float32", **kwargs: Any) -> Settings:
    return Settings(dtype=dtype, max_sequence_length=16, pipeline_kwargs={**DECODE, **kwargs})


def stock(
    folder: Path, class_name: str, case: Case, *, dtype: str = "float32", parts: dict | None = None, **kwargs: Any
):
    """Runs the stock pipeline twice: to latents, and to frames in 0 to 1."""
    import diffusers

    pipeline_class = getattr(diffusers, class_name)
    pipeline = pipeline_class.from_pretrained(folder, torch_dtype=getattr(torch, dtype), **(parts or {}))
    pipeline.set_progress_bar_config(disable=True)

    def run(output_type: str):
        torch.manual_seed(case.seed)
        return pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, frame_rate=case.fps, num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed),
            max_sequence_length=16, output_type=output_type, **DECODE, **kwargs,
        ).frames  # fmt: skip

    return run("latent"), run("np")[0]


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 50, 70, 3), dtype=np.uint8)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("option", PIPELINES)
def test_latents_and_frames_equal_the_stock_pipelines(folders, option, case):
    latents, frames = stock(folders[option], PIPELINES[option], case)
    assert frames.std(axis=0).mean() > 0.01  # they move
    assert_equals_stock(drive(FAMILIES[option], folders[option], settings()), case, latents, frames)


@pytest.mark.parametrize("option", PIPELINES)
def test_in_their_own_precision_too(folders, option):
    latents, frames = stock(folders[option], PIPELINES[option], CASES[1], dtype="bfloat16")
    driven = drive(FAMILIES[option], folders[option], settings("bfloat16"))
    assert_equals_stock(driven, CASES[1], latents, frames)
    assert_resumes(driven, CASES[1], [1, 4])


@pytest.mark.parametrize("option", PIPELINES)
def test_going_on_from_any_step_gives_the_same_bits(folders, option):
    assert_resumes(drive(FAMILIES[option], folders[option], settings()), CASES[1], [1, 2, 4])


@pytest.mark.parametrize("option", PIPELINES)
def test_the_frame_rate_changes_the_latents_and_is_said_to(folders, option):
    driven = drive(FAMILIES[option], folders[option], settings())
    assert driven.family.uses_fps
    slow, fast = (driven.latents(replace(CASES[0], fps=fps))[0] for fps in (8, 24))
    assert not torch.equal(slow, fast)


def test_a_first_image_is_the_stock_image_pipelines(folders):
    from PIL import Image

    frames_NHWC = pictures(1)
    case = replace(CASES[1], frames_NHWC=frames_NHWC)
    latents, frames = stock(
        folders["ltx_video_2b"], "LTXImageToVideoPipeline", case, image=Image.fromarray(frames_NHWC[0])
    )
    driven = drive("ltx", folders["ltx_video_2b"], settings())
    assert_equals_stock(driven, case, latents, frames)
    assert_resumes(driven, case, [1, 3, 4])


@pytest.mark.parametrize("noise_scale", [0.0, 0.15])
@pytest.mark.parametrize("count", [1, 9])
def test_given_frames_are_the_stock_conditions(folders, count, noise_scale):
    from PIL import Image

    given = [Image.fromarray(frame_HWC) for frame_HWC in pictures(count)]
    case = replace(CASES[1], frames_NHWC=pictures(count), num_frames=25)
    condition = {"image": given[0]} if count == 1 else {"video": [given]}
    latents, frames = stock(
        folders["ltx_video_distilled"], "LTXConditionPipeline", case, image_cond_noise_scale=noise_scale, **condition
    )
    driven = drive("ltx_condition", folders["ltx_video_distilled"], settings(image_cond_noise_scale=noise_scale))
    assert_equals_stock(driven, case, latents, frames)
    assert_resumes(driven, case, [1, 2, 4])


def test_a_last_frame_and_frames_in_between_are_the_stock_conditions(folders):
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
    from PIL import Image

    first, middle, last = pictures(3)
    placed = (PlacedFrames(first_frame=8, frames_NHWC=middle[None]),)
    case = replace(CASES[1], frames_NHWC=first[None], placed=placed, last_frame_HWC=last)
    given = [(first, 0), (middle, 8), (last, 16)]
    conditions = [LTXVideoCondition(image=Image.fromarray(one), frame_index=frame) for one, frame in given]
    folder = folders["ltx_video_distilled"]
    latents, frames = stock(folder, "LTXConditionPipeline", case, conditions=conditions)
    driven = drive("ltx_condition", folder, settings())
    assert_equals_stock(driven, case, latents, frames)
    assert_resumes(driven, case, [1, 4])


def test_a_restyled_video_is_what_the_stock_pipeline_makes_of_its_latents(folders):
    import diffusers
    from diffusers.pipelines.ltx.pipeline_ltx_condition import retrieve_latents
    from PIL import Image

    folder, source = folders["ltx_video_distilled"], np.repeat(pictures(1)[:, :32, :64], 9, axis=0)
    case = replace(CASES[1], width=64, height=32, num_frames=9, source_NHWC=source, strength=0.5)
    stock_pipeline = diffusers.LTXConditionPipeline.from_pretrained(folder)
    pixels = stock_pipeline.video_processor.preprocess_video([Image.fromarray(one) for one in source])
    with torch.no_grad():
        encoded = retrieve_latents(stock_pipeline.vae.encode(pixels), sample_mode="argmax")
    vae = stock_pipeline.vae
    given = stock_pipeline._normalize_latents(encoded, vae.latents_mean, vae.latents_std)
    latents, frames = stock(folder, "LTXConditionPipeline", case, latents=given, denoise_strength=0.5)
    driven = drive("ltx_condition", folder, settings())
    assert_equals_stock(driven, case, latents, frames)
    assert_resumes(driven, case, [3, 4])


def test_a_list_of_timesteps_is_followed(folders):
    timesteps = [1000, 993, 987, 981, 975, 909, 725, 0.03]
    case = replace(CASES[0], num_inference_steps=8)
    latents, frames = stock(folders["ltx_video_distilled"], "LTXConditionPipeline", case, timesteps=timesteps)
    driven = drive("ltx_condition", folders["ltx_video_distilled"], settings(timesteps=timesteps))
    assert_equals_stock(driven, case, latents, frames)
    assert_resumes(driven, case, [1, 7])


def test_the_default_schedule_of_eight_steps_is_both_of_the_authors_passes(folders):
    driven = drive("ltx_condition", folders["ltx_video_distilled"], settings())
    seen: list = []
    driven.latents(replace(CASES[2], num_inference_steps=8), spy=seen)
    sigmas = seen[-1][2]["sigmas"]
    assert torch.allclose(sigmas[:7], torch.tensor([1.0, 0.9937, 0.9875, 0.9812, 0.9750, 0.9094, 0.7250]), atol=1e-4)
    assert torch.allclose(sigmas[7:], torch.tensor([0.4219, 0.0]), atol=1e-4)


def test_a_vae_with_a_timestep_draws_its_noise_from_the_clips_generator(folders):
    from diffusers import AutoencoderKLLTXVideo

    place = folders["ltx_video_distilled"]
    vae = AutoencoderKLLTXVideo.from_pretrained(place / "vae", torch_dtype=torch.float32)
    latents, frames = stock(folders["ltx_video_2b"], "LTXPipeline", CASES[1], parts={"vae": vae})
    others = {"vae": Origin(str(place), subfolder="vae")}
    driven: Driven = drive("ltx", folders["ltx_video_2b"], settings(), others)
    assert_equals_stock(driven, CASES[1], latents, frames)
    assert_resumes(driven, CASES[1], [2])
    _, again = driven.latents(CASES[1])
    other = driven.frames(replace(again, generator=torch.Generator().manual_seed(99)))
    assert not np.array_equal(other, (frames * 255).round().astype("uint8"))


def test_a_vae_that_draws_from_torchs_own_generator_is_seeded_with_the_clips(folders, tmp_path):
    from diffusers import AutoencoderKLLTXVideo

    vae_091().save_pretrained(tmp_path / "vae")
    # From the file as well: a weight's address decides which of its kernels MKL takes, and with it the last bits.
    vae = AutoencoderKLLTXVideo.from_pretrained(tmp_path / "vae", torch_dtype=torch.float32)
    case = CASES[1]
    latents, frames = stock(folders["ltx_video_2b"], "LTXPipeline", case, parts={"vae": vae})
    driven = drive("ltx", folders["ltx_video_2b"], settings(), {"vae": Origin(str(tmp_path), subfolder="vae")})
    assert_equals_stock(driven, case, latents, frames)
    _, again = driven.latents(case)
    before = torch.get_rng_state()
    driven.frames(again)
    assert torch.equal(torch.get_rng_state(), before)


def test_masks_keep_their_type_on_disk(folders, tmp_path):
    driven = drive("ltx", folders["ltx_video_2b"], settings())
    embeds = driven.family.encode(driven.of(driven.family.encode_components), "red circle")
    tensors.save(tmp_path / "embeds.safetensors", embeds)
    read, _ = tensors.load((tmp_path / "embeds.safetensors").read_bytes())
    assert read["prompt_attention_mask"].dtype == torch.bool
    assert read["prompt_attention_mask"].sum() == 3  # two words and the end
    assert all(torch.equal(read[name], tensor) for name, tensor in embeds.items())


def test_what_changes_bits_is_in_the_key(folders):
    def identity(**kwargs: Any) -> Any:
        made = drive("ltx_condition", folders["ltx_video_distilled"], settings(**kwargs)).family
        assert isinstance(made, LtxConditionFamily)
        return made.denoise_identity(from_image=False)

    assert identity() == identity() != identity(image_cond_noise_scale=0.1)


@pytest.mark.parametrize("option", PIPELINES)
def test_the_whole_pipeline_by_command_and_again(folders, option, vgpipe):
    command = (
        f"model={option}", f"model.id={folders[option]}", "checks=off",
        "clip.prompt=a red circle", "clip.width=64", "clip.height=32",
        "clip.num_frames=9", "quality.num_inference_steps=2", "model.rules.min_side=16", "model.dtype=float32",
    )  # fmt: skip
    assert_renders_and_reuses(vgpipe, *command)
