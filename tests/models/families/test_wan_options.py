"""The Wan options of conf/model: latents and frames are the stock pipelines', bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.configs import model_of
from tests.models.driven import Case, assert_equals_stock, assert_renders_and_reuses, assert_resumes, drive
from tests.models.wan_pairs import Pair, pair, settings_of
from tests.tiny import build
from vgpipe.errors import ModelError

FLOW_SHIFT = {"wan21_t2v_1_3b": 8.0, "wan21_t2v_14b": 3.0, "wan22_ti2v_5b": 5.0, "wan22_t2v_a14b": 12.0}
KWARGS = {"wan22_t2v_a14b": {"guidance_scale_2": 3.0}}
IMAGE_OPTION, EXPERTS_OPTION = "wan22_ti2v_5b", "wan22_t2v_a14b"
GRADIENT_NHWC = np.linspace(0, 255, 40 * 70 * 3).astype("uint8").reshape(1, 40, 70, 3)

CASES = [
    Case("a small red circle", width=64, height=32),
    Case("blue square moving left", "red", 7, 6.0, width=32, height=96, num_frames=13),
    Case("circle", "", 1234567, 1.0, width=64, height=64, num_frames=5),
]
GUIDED = replace(CASES[1], width=64, height=32, num_frames=9)
FROM_IMAGE = replace(GUIDED, frames_NHWC=GRADIENT_NHWC)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {option: build(option, tmp_path_factory.mktemp(option)) for option in FLOW_SHIFT}


def open_both(folders, option: str, stock: str = "WanPipeline", **how) -> Pair:
    return pair(option, folders[option], stock, FLOW_SHIFT[option], **how, **KWARGS.get(option, {}))


@pytest.fixture(scope="module")
def pairs(folders) -> dict[str, Pair]:
    return {option: open_both(folders, option) for option in FLOW_SHIFT}


@pytest.fixture(scope="module")
def from_image(folders) -> Pair:
    return open_both(folders, IMAGE_OPTION, "WanImageToVideoPipeline")


def picture(case: Case):
    from PIL import Image

    return Image.fromarray(case.frames_NHWC[0])


@pytest.mark.parametrize("case", CASES, ids=["empty-negative", "tall", "unguided"])
@pytest.mark.parametrize("option", FLOW_SHIFT)
def test_latents_and_frames_equal_the_stock_pipelines(pairs, option, case):
    pairs[option].assert_equal(case)


@pytest.mark.parametrize(
    "changes", [{}, {"seed": 3, "width": 32, "height": 64}, {"guidance_scale": 1.0}], ids=["wide", "tall", "unguided"]
)
def test_latents_and_frames_from_an_image_equal_the_stock_pipelines(from_image, changes):
    case = replace(FROM_IMAGE, **changes)
    from_image.assert_equal(case, image=picture(case))


def test_a_restyled_video_equals_the_stock_video_pipelines(folders):
    from PIL import Image

    source = np.random.default_rng(1).integers(0, 256, (9, 32, 64, 3), dtype="uint8")
    case = replace(GUIDED, source_NHWC=source, strength=0.7)
    both = open_both(folders, "wan21_t2v_1_3b", "WanVideoToVideoPipeline")
    video = [Image.fromarray(one) for one in source]
    latents, frames = (
        both.stock(
            prompt=case.prompt, negative_prompt="red", height=32, width=64, num_inference_steps=6, guidance_scale=6.0,
            generator=torch.Generator().manual_seed(7), output_type=kind, video=video, strength=0.7,
        ).frames
        for kind in ("latent", "np")
    )  # fmt: skip
    assert_equals_stock(both.driven, case, latents, frames[0])
    assert_resumes(both.driven, case, [case.skipped + 1, 5])


@pytest.mark.parametrize("option", [IMAGE_OPTION, EXPERTS_OPTION])
def test_a_video_is_restyled_by_one_denoiser_with_one_noise_level(pairs, option):
    given = {"source_NHWC": np.zeros((9, 32, 64, 3), np.uint8), "strength": 0.5}
    with pytest.raises(ModelError, match="restyles no video -> leave strength out, or model=wan21_t2v_1_3b"):
        pairs[option].driven.latents(replace(GUIDED, **given))


@pytest.mark.parametrize("option", FLOW_SHIFT)
def test_going_on_from_any_step_gives_the_same_bits(pairs, option):
    assert_resumes(pairs[option].driven, GUIDED, [1, 2, 3, 4, 5, 6])


def test_going_on_from_an_image_at_any_step_gives_the_same_bits(from_image):
    assert_resumes(from_image.driven, FROM_IMAGE, [1, 2, 3, 5, 6])


@pytest.mark.parametrize("option", [EXPERTS_OPTION])
def test_bfloat16_equals_the_stock_pipeline_with_its_vae_in_float32(folders, option):
    in_bf16 = open_both(folders, option, dtype="bfloat16")
    in_bf16.assert_equal(GUIDED)
    assert_resumes(in_bf16.driven, GUIDED, [1, 4, 6])
    parts = in_bf16.driven.components
    assert parts["vae"].dtype == torch.float32 and parts["transformer"].dtype == torch.bfloat16


def test_float16_takes_the_fp16_files_and_equals_the_stock_pipeline(folders):
    open_both(folders, "wan21_t2v_1_3b", dtype="float16", variant="fp16").assert_equal(GUIDED)


def test_an_image_in_bfloat16_equals_the_stock_pipeline(folders):
    in_bf16 = open_both(folders, IMAGE_OPTION, "WanImageToVideoPipeline", dtype="bfloat16")
    in_bf16.assert_equal(FROM_IMAGE, image=picture(FROM_IMAGE))


def test_another_image_gives_another_video(from_image):
    other = replace(FROM_IMAGE, frames_NHWC=255 - FROM_IMAGE.frames_NHWC)
    assert not torch.equal(from_image.driven.latents(FROM_IMAGE)[0], from_image.driven.latents(other)[0])


def test_the_low_noise_expert_takes_the_last_steps_with_its_own_guidance(pairs, folders):
    seen: list = []
    pairs[EXPERTS_OPTION].driven.latents(GUIDED, spy=seen)
    same: list = []
    name, settings = settings_of(EXPERTS_OPTION, "float32")
    drive(name, folders[EXPERTS_OPTION], replace(settings, pipeline_kwargs={})).latents(GUIDED, spy=same)
    assert [torch.equal(mine[1], other[1]) for mine, other in zip(seen, same, strict=True)] == [True] * 4 + [False] * 2


def test_both_experts_and_the_second_guidance_are_in_the_key(pairs):
    identity = pairs[EXPERTS_OPTION].driven.family.denoise_identity(from_image=False)
    assert set(identity["parts"]) == {"transformer", "transformer_2"}
    assert identity["parts"]["transformer"] != identity["parts"]["transformer_2"]
    assert identity["pipeline_kwargs"] == {"guidance_scale_2": 3.0}
    assert identity["index"]["boundary_ratio"] == 0.875 and identity["scheduler"][1]["flow_shift"] == 12.0


def test_the_vae_is_in_the_key_of_a_clip_from_an_image_alone(pairs):
    family = pairs[IMAGE_OPTION].driven.family
    assert "vae" in family.denoise_identity(from_image=True)["parts"]
    assert "vae" not in family.denoise_identity(from_image=False)["parts"]


def test_a_checkpoint_for_text_alone_refuses_an_image(pairs):
    with pytest.raises(ModelError, match="makes videos from text alone -> leave the image out"):
        pairs["wan21_t2v_14b"].driven.latents(FROM_IMAGE)


def test_a_checkpoint_for_images_alone_refuses_a_clip_without_one(folders, monkeypatch):
    name, settings = settings_of("wan21_t2v_14b", "float32")
    driven = drive(name, folders["wan21_t2v_14b"], settings)
    original = driven.family.checkpoint.config
    wider = {"in_channels": 36}
    monkeypatch.setattr(
        driven.family.checkpoint,
        "config",
        lambda component: original(component) | (wider if component == "transformer" else {}),
    )
    with pytest.raises(ModelError, match="makes videos from an image and the clip has none -> give an image"):
        driven.latents(GUIDED)


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("wan21_t2v_1_3b", (832, 480, 81, 16, 50, 6)),
        ("wan21_t2v_14b", (832, 480, 81, 16, 50, 5)),
        ("wan22_ti2v_5b", (1280, 704, 121, 24, 50, 5)),
        ("wan22_t2v_a14b", (832, 480, 81, 16, 40, 4)),
        ("wan21_vace_1_3b", (832, 480, 81, 16, 50, 5)),
    ],
)
def test_reference_settings_are_the_authors_and_can_be_made(option, settings):
    model = model_of(option)
    one, rules = model.reference, model.rules
    assert (one.width, one.height, one.num_frames, one.fps, one.num_inference_steps, one.guidance_scale) == settings
    assert rules.allows_side(one.width) and rules.allows_side(one.height) and rules.allows_num_frames(one.num_frames)
    assert one.negative_prompt.startswith("色调艳丽，过曝") and one.negative_prompt.endswith("倒着走")


def test_the_layout_has_shards_and_a_variant(folders):
    assert (folders["wan21_t2v_14b"] / "transformer" / "diffusion_pytorch_model.safetensors.index.json").is_file()
    assert (folders["wan21_t2v_14b"] / "text_encoder" / "model.safetensors.index.json").is_file()
    assert (folders["wan21_t2v_1_3b"] / "transformer" / "diffusion_pytorch_model.fp16.safetensors").is_file()


@pytest.mark.parametrize(("option", "image"), [(EXPERTS_OPTION, False), (IMAGE_OPTION, True)])
def test_the_command_line_renders_with_it_and_reuses_all(vgpipe, workdir, folders, option, image):
    steps = 6 if option == EXPERTS_OPTION else 2  # enough for the second expert to have its turn
    size = ("clip.width=64", "clip.height=32", "clip.num_frames=5", f"quality.num_inference_steps={steps}")
    command = [f"model={option}", f"model.id={folders[option]}", "checks=off", "clip.prompt=a small red circle", *size]
    command += ["model.rules.min_side=16", "model.dtype=float32"]
    if image:
        picture(FROM_IMAGE).save(workdir / "first.png")
        command.append("clip.image=first.png")
    assert_renders_and_reuses(vgpipe, *command)
