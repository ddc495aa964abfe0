"""AnyFlow: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

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

PLAIN = Case("a small red circle", num_inference_steps=4, guidance_scale=1.0, width=32)
GUIDED = Case("blue square moving left", "red", 7, 2.5, width=32, height=48, num_frames=13, num_inference_steps=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("anyflow_wan", tmp_path_factory.mktemp("anyflow"))


def driven_in(folder: Path, dtype: str = "float32", **kwargs: Any) -> Driven:
    parts = {"vae": "float32", "text_encoder": dtype}
    made_with = Settings(dtype=dtype, component_dtypes=parts, max_sequence_length=16, pipeline_kwargs=kwargs)
    return drive("anyflow", folder, made_with)


def pair(folder: Path, dtype: str = "float32", **kwargs: Any) -> Pair:
    from diffusers import AnyFlowPipeline

    dtypes = {"default": getattr(torch, dtype), "vae": torch.float32}
    stock = AnyFlowPipeline.from_pretrained(folder, torch_dtype=dtypes)
    return Pair(driven_in(folder, dtype, **kwargs), stock, {"max_sequence_length": 16, **kwargs})


def test_latents_and_frames_equal_the_stock_pipelines_with_any_number_of_steps(folder):
    one = pair(folder)
    for steps in (1, 2, 4):
        one.assert_equal(replace(PLAIN, num_inference_steps=steps))
    one.assert_equal(GUIDED)


def test_going_on_from_any_step_gives_the_same_bits(folder):
    assert_resumes(driven_in(folder), GUIDED, [1, 2, 3, 4])


def test_without_the_end_of_a_step_and_in_half_precision(folder):
    one = pair(folder, "bfloat16", use_mean_velocity=False)
    one.assert_equal(PLAIN)
    assert_resumes(one.driven, PLAIN, [2])
    told, untold = driven_in(folder), driven_in(folder, use_mean_velocity=False)
    assert not torch.equal(told.latents(PLAIN)[0], untold.latents(PLAIN)[0])


def test_what_is_made_is_laid_out_otherwise_than_what_the_loop_has(folder):
    driven, seen = driven_in(folder), []
    made, _ = driven.latents(PLAIN, spy=seen)
    assert made.shape == (1, 16, 3, 4, 4) and torch.equal(driven.family.looped(made), seen[-1][1])
