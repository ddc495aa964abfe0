"""HunyuanVideo-1.5: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.configs import model_of
from tests.models.driven import Case, Driven, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.tiny import build
from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.stages import tensors

LENGTH = 96
CASES = [
    Case("a small red circle", num_inference_steps=3, guidance_scale=6.0),
    Case('a "blue" square and “left” words', "red", 7, 4.5, width=32, height=64, num_frames=13, num_inference_steps=4),
    Case("circle", "", 1234567, 1.0, width=16, height=32, num_inference_steps=3),
    Case("circle", "square", 5, 0.5, width=16, height=32, num_inference_steps=3),
]
I2V = "hunyuan_video_15_i2v"
FIRST_NHWC = np.linspace(0, 255, 32 * 64 * 3).astype("uint8").reshape(1, 32, 64, 3)
FROM_IMAGE = Case(
    "blue square moving left", "red", 7, 6.0, width=64, height=32, num_frames=5, num_inference_steps=3,
    frames_NHWC=FIRST_NHWC,
)  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Driven:
    return drive("hunyuan_video_15", build(I2V, tmp_path_factory.mktemp(I2V)), settings())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("hunyuan_video_15", tmp_path_factory.mktemp("hunyuan_video_15"))


def settings(dtype: str = "float32", **parts: str) -> Settings:
    return Settings(dtype=dtype, component_dtypes=parts, max_sequence_length=LENGTH, scheduler_config={"shift": 5.0})


def stock(folder: Path, case: Case, made_with: Settings):
    """Runs the stock pipeline twice: to latents, and to frames in 0 to 1."""
    from diffusers import HunyuanVideo15Pipeline

    names = {"default": made_with.dtype, **made_with.component_dtypes}
    dtypes = {part: getattr(torch, name) for part, name in names.items()}
    pipeline = HunyuanVideo15Pipeline.from_pretrained(folder, torch_dtype=dtypes)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.tokenizer_max_length = LENGTH

    def run(output_type: str):
        # New for every call: a guider that acts in a part of the schedule begins where the last call left it.
        pipeline.guider = pipeline.guider.new(guidance_scale=case.guidance_scale)
        return pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            generator=torch.Generator().manual_seed(case.seed), output_type=output_type,
        ).frames  # fmt: skip

    return run("latent"), run("np")[0]


def assert_is_stock(folder: Path, case: Case, made_with: Settings):
    latents, frames = stock(folder, case, made_with)
    assert frames.std(axis=0).mean() > 0.01  # they move
    driven = drive("hunyuan_video_15", folder, made_with)
    assert_equals_stock(driven, case, latents, frames)
    return driven


@pytest.mark.parametrize("case", CASES[1:3])
def test_latents_and_frames_equal_the_stock_pipelines(folder, case):
    assert_is_stock(folder, case, settings())


def from_image(option: str, folder: Path, case: Case) -> Driven:
    """Drives a checkpoint made for images, whose latents and frames it holds against the stock pipeline's."""
    from diffusers import HunyuanVideo15ImageToVideoPipeline
    from PIL import Image

    model = model_of(option)
    made_with = replace(settings(), scheduler_config=dict(model.scheduler.config))
    pipeline = HunyuanVideo15ImageToVideoPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.tokenizer_max_length = LENGTH
    assert pipeline.scheduler.config.shift == model.scheduler.config["shift"]
    assert pipeline.guider.guidance_scale == model.reference.guidance_scale == case.guidance_scale

    def run(output_type: str):
        return pipeline(
            image=Image.fromarray(case.frames_NHWC[0]), prompt=case.prompt, negative_prompt=case.negative_prompt,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            generator=torch.Generator().manual_seed(case.seed), output_type=output_type,
        ).frames  # fmt: skip

    driven = drive("hunyuan_video_15", folder, made_with)
    assert_equals_stock(driven, case, run("latent"), run("np")[0])
    return driven


@pytest.mark.parametrize(("option", "guidance"), [(I2V, 6.0), ("hunyuan_video_15_480p_distilled", 1.0)])
def test_from_an_image_latents_and_frames_equal_the_stock_pipelines_and_resume(tmp_path, option, guidance):
    driven = from_image(option, build(option, tmp_path / "model"), replace(FROM_IMAGE, guidance_scale=guidance))
    assert_resumes(driven, replace(FROM_IMAGE, guidance_scale=guidance), [2])


def test_an_image_checkpoint_makes_the_size_that_the_clip_has_and_sees_its_image(images):
    """The stock pipeline would make 48x48 of a square."""
    case = replace(FROM_IMAGE, width=32, height=32, num_inference_steps=2, frames_NHWC=FIRST_NHWC[:, :, :32])
    latents, decode = images.latents(case)
    assert images.frames(decode).shape == (5, 32, 32, 3)
    other = replace(case, frames_NHWC=255 - case.frames_NHWC)
    assert not torch.equal(images.latents(other)[0], latents)


def test_a_checkpoint_of_the_other_task_is_refused(folder, images):
    with pytest.raises(ModelError, match="from an image and the clip has none -> give an image"):
        images.latents(replace(FROM_IMAGE, frames_NHWC=None))
    with pytest.raises(ModelError, match="from text alone -> leave the image out, or model=hunyuan_video_15_i2v"):
        drive("hunyuan_video_15", folder, settings()).latents(FROM_IMAGE)


def test_the_image_encoder_is_loaded_for_denoising_from_an_image_alone(folder, images):
    family, of_text = images.family, drive("hunyuan_video_15", folder, settings()).family
    seeing = {"transformer", "vae", "image_encoder", "feature_extractor", "guider"}
    assert set(family.denoise_components(from_image=True)) == seeing
    assert set(family.denoise_components(from_image=False)) == {"transformer", "guider"}
    assert {"image_encoder", "feature_extractor"} <= {*family.components()}
    assert {"image_encoder", "feature_extractor"} <= {*family.denoise_identity(from_image=True)["parts"]}
    assert not {"image_encoder", "feature_extractor"} & {*of_text.components()}


def test_in_its_own_precision_and_going_on_in_it(folder):
    driven = assert_is_stock(folder, CASES[1], settings("bfloat16"))
    assert_resumes(driven, CASES[1], [4])


def test_each_encoders_precision_is_kept_until_the_transformers(folder):
    assert_is_stock(folder, CASES[1], settings("float32", text_encoder="bfloat16"))


def test_going_on_from_any_step_gives_the_same_bits(folder):
    assert_resumes(drive("hunyuan_video_15", folder, settings()), CASES[2], [1, 2, 3])


def test_a_guider_that_starts_late_counts_the_steps_of_earlier_passes(folder, tmp_path):
    changed = Path(shutil.copytree(folder, tmp_path / "changed"))
    config = json.loads((changed / "guider/guider_config.json").read_text())
    (changed / "guider/guider_config.json").write_text(json.dumps({**config, "start": 0.5}))
    driven = assert_is_stock(changed, CASES[1], settings())
    assert_resumes(driven, CASES[1], [2])


def test_the_negative_prompt_plays_a_part_as_the_guider_decides(folder):
    family = drive("hunyuan_video_15", folder, settings()).family
    assert [family.uses_negative_prompt(scale) for scale in (0.5, 1.0, 6.0)] == [True, False, True]


def test_the_checkpoints_guider_is_left_as_it_is(folder):
    driven = drive("hunyuan_video_15", folder, settings())
    driven.frames(driven.latents(CASES[0])[1])
    guider = driven.components["guider"]
    assert guider.guidance_scale == 6.0 and guider._enabled and guider._step is None


def test_quoted_text_alone_goes_to_the_second_encoder(folder, tmp_path):
    driven = drive("hunyuan_video_15", folder, settings())
    texts = driven.of(driven.family.encode_components)
    plain, quoted = (driven.family.encode(texts, text) for text in ("a red circle", 'a "red" circle'))
    assert not plain["prompt_embeds_mask_2"].any() and not plain["prompt_embeds_2"].any()
    assert quoted["prompt_embeds_mask_2"].sum() == len('Text "red". ') + 1  # bytes, and the end
    tensors.save(tmp_path / "embeds.safetensors", quoted)
    read, _ = tensors.load((tmp_path / "embeds.safetensors").read_bytes())
    assert read["prompt_embeds_mask"].dtype == read["prompt_embeds_mask_2"].dtype == torch.bool
    assert all(torch.equal(read[name], tensor) for name, tensor in quoted.items())
    case = replace(CASES[2], prompt="a red circle")
    assert not torch.equal(driven.latents(case)[0], driven.latents(replace(case, prompt='a "red" circle'))[0])


def test_the_guider_is_in_the_key(folder, tmp_path):
    changed = Path(shutil.copytree(folder, tmp_path / "changed"))
    path = changed / "guider/guider_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "guidance_rescale": 0.7}))
    ours, theirs = (
        drive("hunyuan_video_15", place, settings()).family.denoise_identity(from_image=False)["parts"]["guider"]
        for place in (folder, changed)
    )
    assert ours != theirs


def test_the_whole_pipeline_by_command_and_again(folder, vgpipe):
    command = (
        "model=hunyuan_video_15", f"model.id={folder}", "checks=off",
        "clip.prompt=a red circle", "clip.width=48", "clip.height=32",
        "clip.num_frames=5", "quality.num_inference_steps=2", "model.rules.min_side=16", "model.dtype=float32",
    )  # fmt: skip
    assert_renders_and_reuses(vgpipe, *command)
