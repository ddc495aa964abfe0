"""Kandinsky 5: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.models.pairs import Pair
from tests.tiny import build
from vgpipe.models.base import Settings

LENGTH = 48
PLAIN = Case("a small red circle", num_inference_steps=3, guidance_scale=5.0)
CASE = Case("blue square&amp; moving  left", "red", 7, 4.5, width=32, height=64, num_frames=13, num_inference_steps=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("kandinsky5_t2v_lite", tmp_path_factory.mktemp("kandinsky5"))


def driven_in(folder: Path, dtype: str = "float32", **parts: str) -> Driven:
    made_with = Settings(dtype=dtype, component_dtypes=parts, max_sequence_length=LENGTH)
    return drive("kandinsky5", folder, made_with)


def processor_of(folder: Path) -> Any:
    """The stock processor's own code, without the parts for images, which would need torchvision."""
    from transformers import Qwen2TokenizerFast, Qwen2VLProcessor

    made = Qwen2VLProcessor.__new__(Qwen2VLProcessor)
    made.tokenizer = Qwen2TokenizerFast.from_pretrained(folder / "tokenizer")
    made.image_token, made.video_token = "<|image_pad|>", "<|video_pad|>"
    made.image_token_id, made.video_token_id = 3, 4
    return made


def pair(folder: Path, dtype: str = "float32", **parts: str) -> Pair:
    from diffusers import Kandinsky5T2VPipeline

    names = {"default": dtype, **parts}
    dtypes = {part: getattr(torch, name) for part, name in names.items()}
    stock = Kandinsky5T2VPipeline.from_pretrained(folder, torch_dtype=dtypes, tokenizer=processor_of(folder))
    return Pair(driven_in(folder, dtype, **parts), stock, {"max_sequence_length": LENGTH})


@pytest.mark.parametrize("case", [PLAIN, CASE, replace(PLAIN, guidance_scale=1.0, width=16, seed=1234567)])
def test_latents_and_frames_equal_the_stock_pipelines(folder, case):
    pair(folder).assert_equal(case)


def test_going_on_from_any_step_gives_the_same_bits(folder):
    assert_resumes(driven_in(folder), CASE, [1, 2, 3, 4])


def test_in_mixed_precisions_and_going_on_in_them(folder):
    one = pair(folder, "bfloat16", text_encoder_2="float32", vae="float32")
    one.assert_equal(CASE)
    assert_resumes(one.driven, CASE, [2])


def test_given_latents_are_left_as_they_are(folder):
    driven, seen = driven_in(folder), []
    driven.latents(PLAIN, spy=seen)
    saved, before = seen[0], seen[0][1].clone()
    driven.latents(PLAIN, done=1, saved=saved)
    assert torch.equal(saved[1], before)
    assert before.shape[-1] == 2 * 4 + 1, "with the channels of a first frame"


def test_a_prediction_is_laid_out_as_the_loop_has_its_latents(folder):
    family, seen = driven_in(folder).family, []
    final, _ = driven_in(folder).latents(PLAIN, spy=seen)
    assert torch.equal(family.loop_latents(final, seen[0][1]), seen[-1][1])
    assert torch.equal(family.looped(final), seen[-1][1])
