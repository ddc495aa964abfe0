"""Pipelines of diffusers without a family file that make a video from an image."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.configs import model_of
from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.models.pairs import settings_of
from tests.tiny.image_to_video import skyreels_v2_i2v, stable_video_diffusion
from vgpipe.clips.own_rules import own_rules
from vgpipe.config.model_schema import RulesConfig
from vgpipe.errors import ModelError
from vgpipe.models.families.generic_by_stage import GenericByStage
from vgpipe.models.families.generic_whole import GenericWhole

PICTURE_HWC = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
CASE = Case(
    "a red circle", "blue", 3, 4.5, width=48, height=32, num_frames=5, num_inference_steps=3,
    frames_NHWC=PICTURE_HWC[None],
)  # fmt: skip


@pytest.fixture(scope="module")
def staged_folder(tmp_path_factory) -> Path:
    return skyreels_v2_i2v(tmp_path_factory.mktemp("skyreels"))


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory) -> Path:
    return stable_video_diffusion(tmp_path_factory.mktemp("svd"))


def stock(folder: Path, **arguments: object) -> np.ndarray | torch.Tensor:
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        image=Image.fromarray(PICTURE_HWC), width=CASE.width, height=CASE.height, num_frames=CASE.num_frames,
        num_inference_steps=CASE.num_inference_steps, generator=torch.Generator().manual_seed(CASE.seed), **arguments,
    )  # fmt: skip
    return made.frames[0] if arguments["output_type"] == "np" else made.frames


def frames_of(driven: Driven, case: Case = CASE) -> np.ndarray:
    return driven.frames(driven.latents(case)[1])


def test_a_staged_pipeline_from_an_image_equals_the_stock_one(staged_folder):
    texts = {"prompt": CASE.prompt, "negative_prompt": CASE.negative_prompt, "guidance_scale": CASE.guidance_scale}
    driven = drive("generic", staged_folder, settings_of("generic"))
    assert isinstance(driven.family, GenericByStage)
    latents, decode = driven.latents(CASE)
    assert torch.equal(latents, stock(staged_folder, **texts, output_type="latent"))
    frames = stock(staged_folder, **texts, output_type="np")
    assert np.ptp(frames) > 0.1
    assert np.array_equal(driven.frames(decode), (frames * 255).round().astype("uint8"))
    assert_resumes(driven, CASE, [2])


def test_a_whole_pipeline_without_a_text_equals_the_stock_one(whole_folder):
    driven = drive("generic", whole_folder, settings_of("generic"))
    assert isinstance(driven.family, GenericWhole)
    frames = stock(whole_folder, fps=8, output_type="np")
    assert np.ptp(frames) > 0.1
    assert np.array_equal(frames_of(driven), (frames * 255).round().astype("uint8"))


def calls_of(monkeypatch, name: str, output: object = None) -> list[dict]:
    """Collects the arguments of a stock call, which gives `output`."""
    import diffusers

    kind, told = getattr(diffusers, name), []

    @functools.wraps(kind.__call__)
    def call(_self, **arguments):
        told.append(arguments)
        return output

    monkeypatch.setattr(kind, "__call__", call)
    return told


def test_a_last_image_reaches_the_call(staged_folder, monkeypatch):
    frames = torch.zeros(1)
    calls = calls_of(monkeypatch, "SkyReelsV2ImageToVideoPipeline", SimpleNamespace(frames=frames))
    driven = drive("generic", staged_folder, settings_of("generic"))
    monkeypatch.setattr(type(driven.family), "takes_last_image", True)
    monkeypatch.setattr(type(driven.family), "encode", lambda *_: {"prompt_embeds": torch.zeros(1, 1, 1)})
    last = PICTURE_HWC[::-1].copy()
    driven.latents(replace(CASE, last_frame_HWC=last))
    assert np.array_equal(np.asarray(calls[0]["image"]), PICTURE_HWC)
    assert np.array_equal(np.asarray(calls[0]["last_image"]), last)
    assert calls[0]["negative_prompt"] is None, "a text for its default would be refused beside embeddings"


@pytest.mark.parametrize(("shape", "channels"), [((1, 2, 24), 2), ((1, 24), 1)])
def test_the_sound_of_a_whole_pipeline_is_kept(whole_folder, monkeypatch, shape, channels):
    frames, audio = (
        np.zeros((1, CASE.num_frames, 32, 48, 3), np.uint8),
        np.linspace(-1, 1, 24 * channels, dtype="float32"),
    )
    output = SimpleNamespace(frames=frames, audio=torch.from_numpy(audio).reshape(shape))
    calls_of(monkeypatch, "StableVideoDiffusionPipeline", output)
    monkeypatch.setattr(GenericWhole, "sound_rate_hz", lambda _self: 16_000)
    driven = drive("generic", whole_folder, settings_of("generic"))
    decoded = driven.family.decode({}, driven.latents(CASE)[1])
    assert np.array_equal(decoded.frames_THWC, frames[0])
    assert np.array_equal(decoded.sound.samples_SC.T.ravel(), audio) and decoded.sound.sample_rate_hz == 16_000
    assert decoded.sound.channels == channels
    assert driven.family.denoise_identity(from_image=True)["sound"] == 16_000


def test_several_videos_of_one_call_are_refused_and_other_sizes_are_said(whole_folder, monkeypatch, caplog):
    driven = drive("generic", whole_folder, settings_of("generic"))
    calls_of(monkeypatch, "StableVideoDiffusionPipeline", SimpleNamespace(frames=np.zeros((2, 5, 32, 48, 3), np.uint8)))
    with pytest.raises(ModelError, match="gives 2 videos and a clip is one"):
        driven.latents(CASE)
    calls_of(monkeypatch, "StableVideoDiffusionPipeline", SimpleNamespace(frames=np.zeros((1, 4, 32, 64, 3), np.uint8)))
    driven.latents(CASE)
    assert "made 4 frames of 64x32 where the clip asks for 5 frames of 48x32" in caplog.text


# What a checkpoint says of images.


def rules_of(folder: Path, **changes: object) -> RulesConfig:
    return own_rules(replace(model_of("generic"), id=str(folder), **changes))


def test_the_checkpoint_says_which_images_a_clip_takes(staged_folder, whole_folder, tmp_path):
    # Its denoiser has positions for one image that an image encoder has seen.
    assert (rules_of(staged_folder).image, rules_of(staged_folder).last_image) == ("required", "never")
    assert (rules_of(whole_folder).image, rules_of(whole_folder).last_image) == ("required", "never")
    for name, image, last in [
        ("MochiPipeline", "never", "never"),
        ("Cosmos2VideoToWorldPipeline", "required", "never"),
        ("HeliosPipeline", "optional", "never"),
        ("SkyReelsV2DiffusionForcingImageToVideoPipeline", "required", "optional"),
    ]:
        (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
        assert (rules_of(tmp_path).image, rules_of(tmp_path).last_image) == (image, last)
    assert rules_of(tmp_path / "nowhere").image == "optional", "opening it says what is wrong"


def test_an_option_that_says_it_itself_is_not_asked(staged_folder):
    rules = replace(model_of("generic").rules, image="never")
    assert rules_of(staged_folder, rules=rules) is rules


def command(folder: Path, *more: str) -> list[str]:
    return [
        "model=generic", f"model.id={folder}", "checks=off", "model.dtype=float32", "clip.prompt=a red circle",
        "clip.width=48", "clip.height=32", "clip.num_frames=5", "clip.num_inference_steps=2", *more,
    ]  # fmt: skip


def test_a_missing_image_is_refused_before_anything_starts(vgpipe, workdir, staged_folder):
    ran = vgpipe(*command(staged_folder))
    assert ran.code == 2 and not (workdir / "outputs").exists()
    assert "clip.image: no image given" in ran.err and "set it with clip.image=FILE" in ran.err


def test_an_image_is_rendered(vgpipe, workdir, staged_folder):
    Image.fromarray(PICTURE_HWC).save(workdir / "first.png")
    ran = vgpipe(*command(staged_folder, "clip.image=first.png"))
    assert ran.code == 0, ran.err
    (record,) = ran.records()
    assert record["state"] == "done" and not record["degradations"] and record["files"]["mp4"]
