"""Wan: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models.driven import Case, Driven, assert_equals_stock, assert_resumes, drive

CASES = [
    Case("a small red circle"),
    Case("blue square moving left", "red", 7, 5.5),
    Case("circle", "", 1234567, 1.0),
]


@pytest.fixture(scope="module")
def wan(tiny_wan: Path) -> Driven:
    return drive("wan", tiny_wan)


@pytest.fixture(scope="module")
def stock(tiny_wan: Path):
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(tiny_wan, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)

    def run(case: Case, output_type: str):
        return pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, height=case.height, width=case.width,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale, generator=torch.Generator().manual_seed(case.seed),
            max_sequence_length=16, output_type=output_type,
        ).frames  # fmt: skip

    return run


@pytest.mark.parametrize("case", CASES)
def test_latents_and_frames_equal_the_stock_pipelines(wan, stock, case):
    assert_equals_stock(wan, case, stock(case, "latent"), stock(case, "np")[0])


def test_going_on_from_any_step_gives_the_same_bits(wan):
    assert_resumes(wan, CASES[1], [1, 2, 3, 5, 6])


def test_scale_factors_come_from_the_vae_and_not_from_the_pipelines_guess(tiny_wan, monkeypatch):
    wan = drive("wan", tiny_wan)
    original = wan.family.checkpoint.config

    def config(part: str) -> dict:
        return original(part) | ({"scale_factor_spatial": 16} if part == "vae" else {})

    monkeypatch.setattr(wan.family.checkpoint, "config", config)
    assert wan.latents(CASES[2])[0].shape[-2:] == (2, 2)  # 32x48 at 16, made even by the patch size
