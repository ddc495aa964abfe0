"""Mochi has no family of its own: its option is driven by `generic`, with the stock call's bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.models.driven import Case, assert_renders_and_reuses, assert_resumes, drive
from tests.models.pairs import Pair, settings_of
from tests.tiny import build
from vgpipe.models.families.generic_by_stage import GenericByStage

OPTION = "mochi_1_preview"
CASE = Case("blue square moving left", "red", 7, 4.5, width=48, height=32, num_frames=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(OPTION, tmp_path_factory.mktemp(OPTION))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_equals_the_stock_pipeline_stage_by_stage(folder, dtype):
    from diffusers import MochiPipeline

    stock = MochiPipeline.from_pretrained(folder, torch_dtype=getattr(torch, dtype))
    one = Pair(drive("generic", folder, settings_of(OPTION, dtype=dtype)), stock, {})
    assert isinstance(one.driven.family, GenericByStage)
    one.assert_equal(CASE)
    assert_resumes(one.driven, CASE, [1, 5])


def test_it_runs_by_the_command_line_with_frames_as_its_rules_have_them(vgpipe, folder):
    own = (
        f"model={OPTION}",
        f"model.id={folder}",
        "checks=off",
        "clip.prompt=a red circle",
        "clip.num_inference_steps=3",
    )
    sizes = ("clip.width=32", "clip.height=16", "model.rules.min_side=16", "model.dtype=float32")
    assert_renders_and_reuses(vgpipe, *own, *sizes, "clip.num_frames=7")
    odd = vgpipe(*own, *sizes, "clip.num_frames=84")
    assert odd.code == 2 and "the nearest is num_frames: 85" in odd.err
