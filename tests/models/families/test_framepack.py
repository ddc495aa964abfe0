"""FramePack: a clip of several sections is one stock call, resumed in any of them and decoded section by section."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.driven import Case, Driven, assert_equals_stock, drive
from tests.tiny import build
from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin

IMAGES_NHWC = np.random.default_rng(1).integers(0, 256, (2, 32, 48, 3), dtype="uint8")
CASE = Case("red", "blue", 7, 6.0, num_frames=109, num_inference_steps=2, frames_NHWC=IMAGES_NHWC[:1])
SHORT = replace(CASE, num_frames=37)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return build("framepack", tmp_path_factory.mktemp("framepack"))


def driven(folder: Path, **kwargs: Any) -> Driven:
    return drive("framepack", folder, Settings(max_sequence_length=48, pipeline_kwargs=kwargs))


def stock(folder: Path, case: Case, output_type: str, **more: Any):
    from diffusers import HunyuanVideoFramepackPipeline
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
    pipeline = HunyuanVideoFramepackPipeline.from_pretrained(folder, tokenizer=tokenizer)
    pipeline.set_progress_bar_config(disable=True)
    if case.last_frame_HWC is not None:
        more["last_image"] = Image.fromarray(case.last_frame_HWC)
    return pipeline(
        image=Image.fromarray(case.frames_NHWC[0]), prompt=case.prompt, height=case.height, width=case.width,
        num_frames=(case.num_frames - 1) // 36 * 33, num_inference_steps=case.num_inference_steps,
        guidance_scale=case.guidance_scale, max_sequence_length=48, output_type=output_type,
        generator=torch.Generator().manual_seed(case.seed), **more,
    ).frames  # fmt: skip


@pytest.mark.parametrize("kwargs", [{"true_cfg_scale": 2.0}])
def test_latents_and_frames_equal_the_stock_pipelines(folder, kwargs):
    case = replace(SHORT, last_frame_HWC=IMAGES_NHWC[1] if kwargs else None)
    more = {**kwargs, **({"negative_prompt": case.negative_prompt} if kwargs else {})}
    latents, frames = (stock(folder, case, kind, **more) for kind in ("latent", "np"))
    assert_equals_stock(driven(folder, **kwargs), case, latents[-1], frames[0])


@pytest.mark.parametrize(("kwargs", "steps"), [({}, (1, 5)), ({"sampling_type": "vanilla"}, (3,))])
def test_sections_resume_at_any_step_and_decoded_one_by_one_are_those_of_one_stock_call(folder, kwargs, steps):
    framepack, seen = driven(folder, **kwargs), []
    latents, request = framepack.latents(CASE, spy=seen)
    for done in steps:
        again, resumed = framepack.latents(CASE, done=done, saved=seen[done - 1])
        assert torch.equal(again, latents), f"resumed at step {done}"
        assert torch.equal(resumed.generator.get_state(), request.generator.get_state())
    made = []
    for first in (0, 36, 72):
        place = {"first_frame": first, "num_frames": 37, "total_frames": 109}
        piece = replace(request, latents=framepack.family.slice_latents(latents, **place), **place)
        made.append(framepack.frames(piece)[min(first, 1) :])
    whole = (stock(folder, CASE, "np", **kwargs)[0] * 255).round().astype("uint8")
    assert np.array_equal(np.concatenate(made), whole)
    assert np.array_equal(framepack.frames(replace(request, num_frames=40)), whole[:40])


def test_its_parts_come_from_several_repos(folder, tmp_path):
    """The index of HunyuanVideo's repo names another transformer, and no image encoder."""
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["diffusers", "HunyuanVideoTransformer3DModel"]
    for name in ("image_encoder", "feature_extractor"):
        del index[name]
    for path in folder.iterdir():
        if path.name in index:
            shutil.copytree(path, tmp_path / path.name)
    (tmp_path / "model_index.json").write_text(json.dumps({**index, "_class_name": "HunyuanVideoPipeline"}))
    names = ("transformer", "image_encoder", "feature_extractor")
    others = {name: Origin(str(folder), subfolder=name) for name in names}
    framepack = drive("framepack", tmp_path, Settings(max_sequence_length=48), others)
    framepack.family.check_classes()
    assert torch.equal(framepack.latents(SHORT)[0], driven(folder).latents(SHORT)[0])


def test_what_it_cannot_do_is_refused(folder):
    with pytest.raises(ModelError, match="latent_window_size is 5; the checkpoints are trained with 9"):
        driven(folder, latent_window_size=5)
    framepack = driven(folder)
    with pytest.raises(ModelError, match="makes videos from an image and the clip has none"):
        framepack.latents(replace(SHORT, frames_NHWC=None))
    assert "section by section" in framepack.family.draft_obstacle()
