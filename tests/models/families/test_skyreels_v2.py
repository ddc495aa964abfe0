"""SkyReels-V2: a clip, and the sections of a long one, are those of one stock call, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.driven import Case, Driven, assert_equals_stock, assert_resumes, drive
from tests.tiny import build
from vgpipe.errors import ModelError
from vgpipe.models.base import DecodeRequest, Settings

CASE = Case("blue square moving left", "red", 7, 5.5, num_frames=13, num_inference_steps=4)
SHARED = 5
LAST = replace(CASE, num_frames=9)
"""A third section: shorter, as the whole has 25 frames, of which 13 + 8 + 4 are made."""
IMAGE_NHWC = np.random.default_rng(1).integers(0, 256, (1, CASE.height, CASE.width, 3), dtype="uint8")
BLOCKS = {"ar_step": 1, "causal_block_size": 2}
NOISE = {"addnoise_condition": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build("skyreels_v2_df_1_3b", tmp_path_factory.mktemp("skyreels"))


def driven(folder: Path, **kwargs: Any) -> Driven:
    return drive("skyreels_v2", folder, Settings(max_sequence_length=16, pipeline_kwargs=kwargs))


def stock(folder: Path, output_type: str, case: Case = CASE, **more: Any):
    """Draws from torch's own generator, as the noise that the pipeline adds to a section before always is."""
    import diffusers

    form = "ImageToVideo" if "image" in more else ""
    made_by = getattr(diffusers, f"SkyReelsV2DiffusionForcing{form}Pipeline").from_pretrained(folder)
    made_by.set_progress_bar_config(disable=True)
    torch.manual_seed(case.seed)
    return made_by(
        prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
        num_frames=case.num_frames, num_inference_steps=case.num_inference_steps, guidance_scale=case.guidance_scale,
        max_sequence_length=16, fps=case.fps, output_type=output_type, **{"base_num_frames": CASE.num_frames} | more,
    ).frames  # fmt: skip


def sections(skyreels: Driven, cases: list[Case]) -> list[DecodeRequest]:
    made: list[DecodeRequest] = []
    for case in cases:
        made.append(skyreels.latents(case, after=(made[-1], SHARED) if made else None)[1])
    return made


def joined(skyreels: Driven, made: list[DecodeRequest]) -> tuple[torch.Tensor, int]:
    return skyreels.family.with_context([(one.latents, SHARED if number else 0) for number, one in enumerate(made)])


@pytest.mark.parametrize("kwargs", [{}, BLOCKS])
def test_latents_and_frames_of_a_short_clip_equal_the_stock_pipelines(folder, kwargs):
    case = replace(CASE, fps=16)  # which this transformer is told
    assert_equals_stock(driven(folder, **kwargs), case, stock(folder, "latent", case, **kwargs),
                        stock(folder, "np", case, **kwargs)[0])  # fmt: skip


def test_a_clip_begins_with_its_image(folder):
    from PIL import Image

    case, image = replace(CASE, frames_NHWC=IMAGE_NHWC), Image.fromarray(IMAGE_NHWC[0])
    more: Mapping[str, Any] = {"image": image, **NOISE}
    skyreels = driven(folder, **NOISE)
    assert_equals_stock(skyreels, case, stock(folder, "latent", **more), stock(folder, "np", **more)[0])
    assert_resumes(skyreels, case, [2])


def test_three_sections_equal_one_stock_call(folder):
    skyreels = driven(folder, **NOISE)
    made = sections(skyreels, [CASE, CASE, LAST])
    latents, context = joined(skyreels, made)
    whole = replace(CASE, num_frames=25)
    more = {"overlap_history": SHARED, **NOISE}
    assert torch.equal(latents, stock(folder, "latent", whole, **more)) and context == 25 - LAST.num_frames
    frames = skyreels.frames(replace(made[-1], latents=latents, num_frames=25))
    assert np.array_equal(frames, (stock(folder, "np", whole, **more)[0] * 255).round().astype("uint8"))


@pytest.mark.parametrize("kwargs", [NOISE, BLOCKS])
def test_a_section_resumes_from_any_step(folder, kwargs):
    skyreels, seen = driven(folder, **kwargs), []
    first = skyreels.latents(CASE)[1]
    case = replace(CASE, num_frames=13)
    whole, decode = skyreels.latents(case, after=(first, SHARED), spy=seen)
    for done, *saved in seen[:-1]:
        again, resumed = skyreels.latents(case, done=done, saved=(done, *saved), after=(first, SHARED))
        assert torch.equal(again, whole), f"resumed at step {done}"
        assert torch.equal(resumed.generator.get_state(), decode.generator.get_state())


def test_a_section_is_decoded_to_the_bits_of_the_whole_with_what_its_convolutions_reach(folder, monkeypatch):
    skyreels = driven(folder)
    reach = skyreels.family.decoding_context
    latents = torch.randn(1, 16, reach // 4 + 7, 2, 2, generator=torch.Generator().manual_seed(0))
    request = replace(skyreels.latents(replace(CASE, num_inference_steps=1))[1], width=16, height=16)
    frames = skyreels.frames(replace(request, latents=latents, num_frames=1 + 4 * (latents.shape[2] - 1)))
    piece, context = skyreels.family.with_context([(latents[:, :, :-3], 0), (latents[:, :, -5:], SHARED)])
    assert context == reach and piece.shape[2] == reach // 4 + 5
    some = skyreels.frames(replace(request, latents=piece, num_frames=17, context_frames=context))
    assert np.array_equal(some, frames[-17:])


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"overlap_history": 17}, "model.pipeline_kwargs.overlap_history: a clip's sections say it"),
        ({"causal_block_size": 3}, "causal_block_size=3 -> ask for 8 frames more"),
    ],
)
def test_what_the_stock_loop_would_leave_noise_is_refused(folder, kwargs, says):
    with pytest.raises(ModelError, match=says):
        driven(folder, **kwargs).latents(CASE)
