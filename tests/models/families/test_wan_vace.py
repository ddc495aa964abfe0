"""Wan VACE: latents and frames are the stock pipeline's, bit for bit, from text and from given frames."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version
from PIL import Image

from tests.models.driven import Case, assert_renders_and_reuses, assert_resumes, drive
from tests.models.wan_pairs import Pair, pair, settings_of
from tests.tiny import build
from vgpipe.errors import ModelError
from vgpipe.models.base import PlacedFrames

OPTION = "wan21_vace_1_3b"
CASES = [
    Case("a small red circle"),
    Case("blue square moving left", "red", 7, 5.0, width=32, height=80, num_frames=13),
    Case("circle", "", 1234567, 1.0, width=32, height=32, num_frames=5),
]
GUIDED = replace(CASES[1], width=48, height=32, num_frames=9)
FIVE_NHWC = np.random.default_rng(0).integers(0, 256, (5, 40, 70, 3), dtype="uint8")
ONE_NHWC = FIVE_NHWC[:1]


def by_hand(case: Case) -> dict[str, list[Image.Image]]:
    """The conditions as diffusers' docs make them for a first frame, for as many frames as are given."""
    size = (case.width, case.height)
    missing = case.num_frames - len(case.frames_NHWC)
    video = [Image.fromarray(frame).resize(size) for frame in case.frames_NHWC]
    video.extend([Image.new("RGB", size, (128, 128, 128))] * missing)
    mask = [Image.new("L", size, 0)] * len(case.frames_NHWC) + [Image.new("L", size, 255)] * missing
    return {"video": video, "mask": mask}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build(OPTION, tmp_path_factory.mktemp(OPTION))


@pytest.fixture(scope="module")
def vace(folder) -> Pair:
    if Version(version("diffusers")) < Version("0.36"):
        pytest.skip("the installed diffusers is refused")
    return pair(OPTION, folder, "WanVACEPipeline", 16.0)


@pytest.mark.parametrize("case", CASES, ids=["empty-negative", "tall", "unguided"])
def test_latents_and_frames_equal_the_stock_pipeline(vace, case):
    vace.assert_equal(case)


@pytest.mark.parametrize(
    ("frames", "changes"),
    [
        (ONE_NHWC, {"seed": 3, "width": 32, "height": 64}),
        (FIVE_NHWC, {}),
        (FIVE_NHWC[:3], {"guidance_scale": 1.0}),
    ],
    ids=["an-image", "five", "three"],
)
def test_going_on_from_given_frames_equals_the_stock_pipeline(vace, frames, changes):
    case = replace(GUIDED, frames_NHWC=frames, **changes)
    vace.assert_equal(case, **by_hand(case))


def test_frames_at_other_places_are_what_the_stock_pipeline_is_given_there(vace):
    placed = (PlacedFrames(first_frame=4, frames_NHWC=FIVE_NHWC[1:2]),)
    case = replace(GUIDED, frames_NHWC=ONE_NHWC, placed=placed, last_frame_HWC=FIVE_NHWC[2])
    size = (case.width, case.height)
    given = {0: FIVE_NHWC[0], 4: FIVE_NHWC[1], 8: FIVE_NHWC[2]}
    grey, black, white = Image.new("RGB", size, (128, 128, 128)), Image.new("L", size, 0), Image.new("L", size, 255)
    video = [Image.fromarray(given[place]).resize(size) if place in given else grey for place in range(9)]
    vace.assert_equal(case, video=video, mask=[black if place in given else white for place in range(9)])
    assert_resumes(vace.driven, case, [3])


def test_frames_of_the_clips_own_size_are_given_as_they_are(vace):
    case = replace(GUIDED, width=64, height=32, frames_NHWC=FIVE_NHWC[:, :32, :64].copy())
    assert all(
        np.array_equal(np.asarray(picture), frame)
        for picture, frame in zip(by_hand(case)["video"], case.frames_NHWC, strict=False)
    )
    vace.assert_equal(case, **by_hand(case))


def test_the_given_frames_count_and_their_number_too(vace):
    cases = [replace(GUIDED, frames_NHWC=frames) for frames in (None, ONE_NHWC, FIVE_NHWC, 255 - FIVE_NHWC)]
    latents = [vace.driven.latents(case)[0] for case in cases]
    assert not any(torch.equal(one, other) for one, other in pairwise(latents))


@pytest.mark.parametrize("frames", [None, ONE_NHWC, FIVE_NHWC], ids=["text", "an-image", "five"])
def test_resuming_at_any_step_gives_the_same_bits(vace, frames):
    assert_resumes(vace.driven, replace(GUIDED, frames_NHWC=frames), [1, 2, 3, 5, 6])


def test_bfloat16_equals_the_stock_pipeline_with_its_vae_in_float32(vace, folder):
    in_bf16 = pair(OPTION, folder, "WanVACEPipeline", 16.0, dtype="bfloat16")
    case = replace(GUIDED, frames_NHWC=FIVE_NHWC)
    in_bf16.assert_equal(case, **by_hand(case))
    assert_resumes(in_bf16.driven, case, [1, 6])


def test_frames_that_leave_none_to_make_are_refused(vace):
    with pytest.raises(ModelError, match="5 given frames leave none of 5 to make -> give fewer"):
        vace.driven.latents(replace(GUIDED, num_frames=5, frames_NHWC=FIVE_NHWC))


def test_a_diffusers_that_takes_no_encoded_prompt_is_refused(folder, monkeypatch):
    monkeypatch.setattr("vgpipe.models.pipeline.stock_calls.version", lambda package: "0.35.2")
    with pytest.raises(ModelError, match=r"0\.35\.2 is installed -> pip install -U 'diffusers>=0\.36'"):
        drive("wan_vace", folder, settings_of(OPTION, "float32")[1])


def test_the_vae_is_in_the_key_of_every_clip_since_it_encodes_the_conditions(vace):
    family = vace.driven.family
    assert all("vae" in family.denoise_identity(from_image=given)["parts"] for given in (False, True))
    assert family.components() == ("text_encoder", "tokenizer", "transformer", "vae")


def test_decoding_encodes_nothing(vace, monkeypatch):
    _, request = vace.driven.latents(GUIDED)
    monkeypatch.setattr(type(vace.driven.components["vae"]), "encode", None)
    assert vace.driven.frames(request).shape == (9, 32, 48, 3)


@pytest.mark.parametrize("image", [True], ids=["image"])
def test_the_command_line_renders_with_it_and_reuses_all(vgpipe, workdir, vace, folder, image):
    size = ("clip.width=48", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2")
    command = [f"model={OPTION}", f"model.id={folder}", "checks=off", "clip.prompt=a small red circle", *size]
    command += ["model.rules.min_side=16", "model.dtype=float32"]
    if image:
        Image.fromarray(ONE_NHWC[0]).save(workdir / "first.png")
        command.append("clip.image=first.png")
    assert_renders_and_reuses(vgpipe, *command)
