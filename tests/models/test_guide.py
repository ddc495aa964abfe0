"""The family of docs/adding-a-family.md works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml

from tests.models.driven import Case, Driven, assert_equals_stock, assert_resumes
from tests.tiny.others import mochi
from vgpipe.config.groups import builtin_conf
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.validate import validate_as
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint

GUIDE = (Path(__file__).parents[2] / "docs" / "adding-a-family.md").read_text("utf-8")
CASE = Case("a red circle", "blue", 3, 4.5, width=48, height=32, num_frames=7, num_inference_steps=4)


def block(kind: str) -> str:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mochi(tmp_path_factory.mktemp("mochi"))


@pytest.fixture(scope="module")
def driven(folder: Path) -> Driven:
    names: dict = {"__name__": "guide"}
    exec(compile(block("python"), "adding-a-family.md", "exec"), names)
    return Driven(names["MochiFamily"](open_checkpoint(Origin(str(folder))), Settings(max_sequence_length=16)))


@pytest.mark.parametrize("guidance", [4.5, 1.0])
def test_its_latents_and_frames_equal_the_stock_pipelines(driven, folder, guidance):
    from dataclasses import replace

    from diffusers import MochiPipeline

    case = replace(CASE, guidance_scale=guidance)
    pipeline = MochiPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    stock = {
        kind: pipeline(
            prompt=case.prompt, negative_prompt=case.negative_prompt, width=case.width, height=case.height,
            num_frames=case.num_frames, num_inference_steps=case.num_inference_steps, guidance_scale=guidance,
            generator=torch.Generator().manual_seed(case.seed), max_sequence_length=16, output_type=kind,
        ).frames
        for kind in ("latent", "np")
    }  # fmt: skip
    driven.family.check()
    assert_equals_stock(driven, case, stock["latent"], stock["np"][0])


def test_it_goes_on_from_any_step(driven):
    assert_resumes(driven, CASE, [1, 2, 3, 4])


def test_its_yaml_is_a_whole_option():
    base = yaml.safe_load((builtin_conf() / "model" / "_base.yaml").read_text("utf-8"))
    own = yaml.safe_load(block("yaml"))
    assert own.pop("defaults") == ["_base", "_self_"]
    assert validate_as(ModelConfig, {**base, **own}).reference.num_frames == 85
