"""The shipped checkpoint is in the layout, size and spirit that the model card promises."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from training.evaluate import load, settings
from training.evaluate import requests as requested
from training.prompts import vocabulary
from training.seen import look

WEIGHTS = Path(__file__).parents[2] / "vgpipe" / "weights" / "shapes"


@pytest.fixture(scope="module")
def pipeline():
    return load(WEIGHTS)


def test_layout():
    index = json.loads((WEIGHTS / "model_index.json").read_text())
    assert index["_class_name"] == "WanPipeline"
    assert index["expand_timesteps"] is True
    assert index["boundary_ratio"] is None
    assert index["transformer_2"] == [None, None]


def test_size_and_precision():
    files = [p for p in WEIGHTS.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 12e6
    for path in (p for p in files if p.suffix == ".safetensors"):
        with safe_open(path, "pt") as tensors:
            assert {tensors.get_slice(k).get_dtype() for k in tensors.keys()} == {"F16"}  # noqa: SIM118


def test_tokenizer_knows_every_word(pipeline):
    ids = pipeline.tokenizer(" ".join(vocabulary())).input_ids
    assert pipeline.tokenizer.unk_token_id not in ids


def test_clips_show_their_prompts(pipeline):
    batch = requested(4, seed=0, canonical_only=True)
    clips = (pipeline(**settings(batch, 8, 3.0)).frames * 255).round().astype(np.uint8)
    seen = [look(c) for c in clips]
    assert [(s.colour, s.background) for s in seen] == [(r.scene.colour, r.scene.background) for r in batch]


@torch.no_grad()
def test_unknown_words_do_no_harm(pipeline):
    batch = requested(1, seed=0, canonical_only=True)
    call = settings(batch, 8, 3.0) | {"prompt": ["serendipitous " + batch[0].prompt + ", zorgbl!"]}
    seen = look((pipeline(**call).frames[0] * 255).round().astype(np.uint8))
    assert (seen.colour, seen.background) == (batch[0].scene.colour, batch[0].scene.background)
