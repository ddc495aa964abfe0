"""Wan from an image, and to a last one: latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.configs import model_of
from tests.models.driven import Case, assert_resumes, drive
from tests.models.wan_pairs import Pair, pair, settings_of
from tests.tiny import build
from vgpipe.errors import ModelError

A14B, I2V, FLF = "wan22_i2v_a14b", "wan21_i2v_14b_480p", "wan21_flf2v_14b"
FLOW_SHIFT = {A14B: 5.0, I2V: 3.0, FLF: 16.0}
KWARGS = {A14B: {"guidance_scale_2": 3.5}}
FIRST_NHWC = np.linspace(0, 255, 32 * 64 * 3).astype("uint8").reshape(1, 32, 64, 3)
LAST_HWC = 255 - FIRST_NHWC[0]
CASE = Case(
    "blue square moving left", "red", 7, 3.5, width=64, height=32, num_frames=5, num_inference_steps=4,
    frames_NHWC=FIRST_NHWC,
)  # fmt: skip
TO_LAST = replace(CASE, last_frame_HWC=LAST_HWC)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return {option: build(option, tmp_path_factory.mktemp(option)) for option in FLOW_SHIFT}


@pytest.fixture(scope="module")
def pairs(folders) -> dict[str, Pair]:
    return {option: open_both(folders, option) for option in FLOW_SHIFT}


def open_both(folders, option: str, **how) -> Pair:
    kwargs = KWARGS.get(option, {})
    return pair(option, folders[option], "WanImageToVideoPipeline", FLOW_SHIFT[option], **how, **kwargs)


def given(case: Case) -> dict[str, Image.Image]:
    last = {} if case.last_frame_HWC is None else {"last_image": Image.fromarray(case.last_frame_HWC)}
    return {"image": Image.fromarray(case.frames_NHWC[0]), **last}


@pytest.mark.parametrize(("option", "case"), [(A14B, TO_LAST), (I2V, CASE), (FLF, TO_LAST)])
def test_latents_and_frames_equal_the_stock_pipelines_and_resume(pairs, option, case):
    pairs[option].assert_equal(case, **given(case))
    assert_resumes(pairs[option].driven, case, [3])


def test_bfloat16_equals_the_stock_pipeline_with_vae_and_image_encoder_in_float32(folders):
    in_bf16 = open_both(folders, I2V, dtype="bfloat16")
    in_bf16.assert_equal(CASE, **given(CASE))
    parts = in_bf16.driven.components
    assert parts["image_encoder"].dtype == parts["vae"].dtype == torch.float32
    assert parts["transformer"].dtype == torch.bfloat16


def test_every_image_counts(pairs):
    whole = pairs[FLF].driven.latents(TO_LAST)[0]
    others = [{"frames_NHWC": 255 - FIRST_NHWC}, {"last_frame_HWC": FIRST_NHWC[0]}]
    assert not any(torch.equal(pairs[FLF].driven.latents(replace(TO_LAST, **one))[0], whole) for one in others)


def test_the_image_encoder_is_loaded_for_denoising_alone_and_where_there_is_one(pairs):
    parts = {option: pairs[option].driven.family for option in FLOW_SHIFT}
    seeing = {"transformer", "vae", "image_encoder", "image_processor"}
    assert set(parts[I2V].denoise_components(from_image=True)) == seeing
    assert set(parts[A14B].denoise_components(from_image=True)) == {"transformer", "transformer_2", "vae"}
    assert not {"image_encoder", "image_processor"} & {*parts[I2V].encode_components, *parts[I2V].decode_components}


def test_image_encoder_and_processor_are_in_the_key(folders, tmp_path):
    changed = Path(shutil.copytree(folders[I2V], tmp_path / "changed"))
    path = changed / "image_processor/preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "resample": 2}))
    ours, theirs = (
        drive("wan", place, settings_of(I2V, "float32")[1]).family.denoise_identity(from_image=True)["parts"]
        for place in (folders[I2V], changed)
    )
    assert {name for name in ours if ours[name] != theirs[name]} == {"image_processor"}
    assert ours["image_encoder"]["dtype"] == {"image_encoder": "float32"}


@pytest.mark.parametrize(
    ("option", "case", "refusal"),
    [
        (A14B, replace(CASE, frames_NHWC=None), "makes videos from an image and the clip has none -> give an image"),
        (I2V, TO_LAST, "takes a first image alone -> leave the last image out, or model=wan22_i2v_a14b"),
        (FLF, CASE, "makes videos between two images and the clip has no last one -> give a last image"),
        (FLF, replace(TO_LAST, frames_NHWC=None), "makes videos from an image and the clip has none -> give an image"),
    ],
)
def test_images_that_a_checkpoint_is_not_made_for_are_refused(pairs, option, case, refusal):
    with pytest.raises(ModelError, match=refusal):
        pairs[option].driven.latents(case)


def test_the_stock_pipeline_cannot_do_what_is_refused(pairs):
    """Else the refusals would take something away."""
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        pairs[I2V].call(CASE, "latent", **given(TO_LAST))
    with pytest.raises(RuntimeError, match="is invalid for input of size"):
        pairs[FLF].call(CASE, "latent", **given(CASE))


def test_a_text_of_another_length_is_refused_where_the_image_is_told_from_it_by_that(folders):
    settings = replace(settings_of(I2V, "float32")[1], max_sequence_length=256)
    with pytest.raises(ModelError, match=r"model\.max_sequence_length: 256, and .* 512 tokens of text -> 512"):
        drive("wan", folders[I2V], settings)
    drive("wan", folders[A14B], replace(settings_of(A14B, "float32")[1], max_sequence_length=256))


@pytest.mark.parametrize(
    ("option", "settings", "last"),
    [
        (A14B, (832, 480, 81, 16, 40, 3.5), "optional"),
        ("wan22_i2v_a14b_lightning", (832, 480, 81, 16, 4, 1), "optional"),
        (I2V, (832, 480, 81, 16, 40, 5), "never"),
        ("wan21_i2v_14b_720p", (1280, 720, 81, 16, 40, 5), "never"),
        (FLF, (1280, 720, 81, 16, 50, 5), "required"),
    ],
)
def test_reference_settings_are_the_authors_and_can_be_made(option, settings, last):
    one, rules = model_of(option).reference, model_of(option).rules
    assert (one.width, one.height, one.num_frames, one.fps, one.num_inference_steps, one.guidance_scale) == settings
    assert rules.allows_side(one.width) and rules.allows_side(one.height) and rules.allows_num_frames(one.num_frames)
    assert (rules.image, rules.last_image) == ("required", last)


def test_the_command_line_renders_between_two_images(vgpipe, workdir, folders):
    Image.fromarray(FIRST_NHWC[0]).save(workdir / "first.png")
    Image.fromarray(LAST_HWC).resize((96, 96)).save(workdir / "last.png")
    command = [
        f"model={FLF}", f"model.id={folders[FLF]}", "checks=off", "clip.prompt=a small red circle", "clip.width=64",
        "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2", "model.rules.min_side=16",
        "model.dtype=float32", "clip.image=first.png", "run.sheet=false",
    ]  # fmt: skip
    refused = vgpipe(*command)
    assert refused.code == 2 and "last_image" in refused.err
    ran = vgpipe(*command, "clip.last_image=last.png")
    (record,) = ran.records()
    assert ran.code == 0 and record["state"] == "done" and not record["degradations"], ran.err
