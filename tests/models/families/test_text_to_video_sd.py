"""ModelScope's text to video: vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.models.driven import Case, assert_renders_and_reuses, assert_resumes, drive
from tests.models.pairs import Pair, settings_of
from tests.tiny import build

OPTION = "text_to_video_ms"
GUIDED = Case("blue square moving left", "red", 7, 9.0, width=40, height=24, num_frames=5)
CASES = [
    Case("a small red circle", width=32, height=32, num_frames=4),
    GUIDED,
    Case("circle", "", 1234567, 1.0, width=32, height=16, num_frames=3),
    Case("a zebra, which the vocabulary spells in letters " * 9, "red", 1, 9.0, width=16, height=16, num_frames=2),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build(OPTION, tmp_path_factory.mktemp(OPTION))


def pair(folder: Path, dtype: str = "float32", variant: str | None = None) -> Pair:
    from diffusers import TextToVideoSDPipeline

    stock = TextToVideoSDPipeline.from_pretrained(folder, torch_dtype=getattr(torch, dtype), variant=variant)
    return Pair(drive("text_to_video_sd", folder, settings_of(OPTION, dtype=dtype, variant=variant)), stock)


@pytest.fixture(scope="module")
def plain(folder) -> Pair:
    return pair(folder)


@pytest.mark.parametrize("case", CASES, ids=["square", "guided", "unguided", "too-long-a-text"])
def test_latents_and_frames_equal_the_stock_pipelines(plain, case):
    plain.assert_equal(case)


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"negative_prompt": "black"}, {"prompt": "red"}, {"guidance_scale": 2.0}]
)
def test_what_is_asked_for_counts(plain, change):
    assert not torch.equal(plain.latents_of(GUIDED), plain.latents_of(GUIDED, **change))


def test_going_on_from_any_step_gives_the_same_bits(plain):
    assert_resumes(plain.driven, GUIDED, [1, 2, 3, 4, 5, 6])


def test_the_fp16_files_equal_the_stock_pipelines(folder):
    half = pair(folder, "float16", "fp16")
    small = replace(GUIDED, width=16, height=16)  # float16 is slow on a CPU
    half.assert_equal(small)
    assert_resumes(half.driven, small, [1, 6])


def test_the_whole_pipeline_runs(vgpipe, folder):
    command = [
        f"model={OPTION}", f"model.id={folder}", "checks=off", "model.revision=null", "model.dtype=float32",
        "model.rules.min_side=16", f"clip.prompt={'a red circle ' * 30}", "clip.width=24", "clip.height=16",
        "clip.num_frames=3", "clip.num_inference_steps=2",
    ]  # fmt: skip
    ran = assert_renders_and_reuses(vgpipe, *command)
    assert ran.err.count("deprecated") == 1, "by the note alone"
    (clip,) = [record["clip"] for record in ran.records()]
    logged = (ran.root / "run.log").read_text()
    assert f"{clip}: prompt: the model reads 77 of 92 tokens; cut from word 76 on: " in logged
    assert "truncated" not in logged + ran.err, "the note of the clip says more than the library"
