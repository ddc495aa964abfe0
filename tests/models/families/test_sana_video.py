"""SANA-Video: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.driven import Case, Driven, assert_resumes, drive
from tests.models.pairs import Pair
from tests.tiny import build
from vgpipe.hardware.out_of_memory import is_out_of_memory
from vgpipe.models.base import Settings
from vgpipe.store.digest import digest_of

LENGTH = 24
AS_ASKED = {"use_resolution_binning": False}
PLAIN = Case("A small red circle", num_inference_steps=3, guidance_scale=6.0, width=32)
CASE = Case(" blue square moving left", "Red", 7, 4.5, width=32, height=64, num_frames=13, num_inference_steps=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sana_video", tmp_path_factory.mktemp("sana_video"))


def driven_in(folder: Path, dtype: str = "float32", parts: dict[str, str] | None = None, **kwargs: Any) -> Driven:
    made_with = Settings(
        dtype=dtype, component_dtypes=parts or {}, max_sequence_length=LENGTH, pipeline_kwargs={**AS_ASKED, **kwargs}
    )
    return drive("sana_video", folder, made_with)


def pair(folder: Path, dtype: str = "float32", parts: dict[str, str] | None = None, **kwargs: Any) -> Pair:
    from diffusers import SanaVideoPipeline

    dtypes = {part: getattr(torch, name) for part, name in {"default": dtype, **(parts or {})}.items()}
    stock = SanaVideoPipeline.from_pretrained(folder, torch_dtype=dtypes)
    return Pair(driven_in(folder, dtype, parts, **kwargs), stock, {"max_sequence_length": LENGTH, **AS_ASKED, **kwargs})


def assert_equal(one: Pair, case: Case) -> None:
    one.kwargs["frames"] = case.num_frames
    one.assert_equal(case)


@pytest.mark.parametrize("case", [PLAIN, CASE, replace(PLAIN, guidance_scale=1.0, seed=1234567)])
def test_latents_and_frames_equal_the_stock_pipelines(folder, case):
    assert_equal(pair(folder), case)


def test_going_on_from_any_step_gives_the_same_bits(folder):
    assert_resumes(driven_in(folder), CASE, [1, 2, 3, 4])


def test_in_mixed_precisions_and_going_on_in_them(folder):
    one = pair(folder, "bfloat16", {"vae": "float32"})
    assert_equal(one, CASE)
    assert_resumes(one.driven, CASE, [2])


def test_other_instructions_and_none(folder):
    for lines in (["Describe", "this: "], []):
        assert_equal(pair(folder, complex_human_instruction=lines), PLAIN)


def test_an_infinity_in_the_schedule_names_latents_too(folder):
    """As the solver's default has one, every published config of it does."""
    family = driven_in(folder).family
    assert family.scheduler_config["lambda_min_clipped"] == -math.inf
    assert digest_of(family.denoise_identity(from_image=False))


def test_an_out_of_memory_error_of_the_vae_comes_through(folder, monkeypatch):
    driven = driven_in(folder)
    _, request = driven.latents(replace(PLAIN, num_inference_steps=1, guidance_scale=1.0))
    (vae,) = driven.of(("vae",)).values()

    def full(*_args: Any, **_kwargs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(type(vae), "decode", full)
    with pytest.raises(RuntimeError) as raised:
        driven.frames(request)
    assert is_out_of_memory(raised.value) and "decode" not in vars(vae)


def test_sizes_of_a_vae_are_those_of_its_config_where_it_is_not_loaded(folder):
    """The pipeline itself takes 4 and 8, which are not those of the 720p checkpoint."""
    family = driven_in(folder).family
    family.config_only_component("vae").config = {"temporal_compression_ratio": 8, "spatial_compression_ratio": 32}
    pipeline = family.build("SanaVideoPipeline", {}, config_only=("vae",))
    assert (pipeline.vae_scale_factor_temporal, pipeline.vae_scale_factor_spatial) == (8, 32)
