"""A digest changes with everything that can change the bits, and with nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from vgpipe.job.clip import Clip
from vgpipe.models.checkpoint import open_checkpoint
from vgpipe.models.registry import family
from vgpipe.stages.keys import KeyMaker

CLIP = Clip(
    id="a-1", prompt="a small red circle", negative_prompt="", seed=1, width=32, height=32, num_frames=5, fps=8.0,
    num_inference_steps=4, guidance_scale=3.0, model="shapes",
)  # fmt: skip
MP4 = {"name": "mp4", "crf": 16}


@pytest.fixture
def maker(tiny_wan):
    return KeyMaker(family("wan"), open_checkpoint(str(tiny_wan)), "float32", 64)


def digests(maker, clip=CLIP, exporter=MP4):
    keys = maker.clip_keys(clip, exporter)
    return [key.digest if key else None for key in (keys.prompt, keys.negative, keys.latents, keys.frames, keys.export)]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"id": "other", "model": "renamed"}, 5),
        ({"fps": 16.0}, 4),
        ({"seed": 2}, 2),
        ({"width": 48}, 2),
        ({"height": 48}, 2),
        ({"num_frames": 9}, 2),
        ({"num_inference_steps": 5}, 2),
        ({"guidance_scale": 3.5}, 2),
        ({"prompt": "a blue circle"}, 0),
    ],
)
def test_a_setting_changes_its_stage_and_all_below(maker, change, kept):
    before, after = digests(maker), digests(maker, replace(CLIP, **change))
    same = [old == new for old, new in zip(before, after, strict=True)]
    expected = [True] * kept + [False] * (5 - kept)
    if "prompt" in change:
        expected[1] = True  # the negative prompt's text is another
    assert same == expected


def test_the_negative_prompt_counts_only_with_guidance(maker):
    off = replace(CLIP, guidance_scale=1.0)
    assert digests(maker, off) == digests(maker, replace(off, negative_prompt="ugly"))
    assert digests(maker)[2] != digests(maker, replace(CLIP, negative_prompt="ugly"))[2]


def test_exporter_settings_touch_only_the_export(maker):
    before, after = digests(maker), digests(maker, exporter={"name": "mp4", "crf": 20})
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, True, True, False]


def test_precision_and_text_length_count(maker):
    assert digests(maker)[0] != digests(replace(maker, dtype="bfloat16"))[0]
    assert digests(maker)[0] != digests(replace(maker, max_sequence_length=128))[0]


@pytest.mark.parametrize(
    ("part", "first_changed"), [("text_encoder", 0), ("transformer", 2), ("scheduler", 2), ("vae", 2)]
)
def test_a_changed_model_file_changes_what_it_made(maker, tiny_wan, tmp_path, part, first_changed):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_wan, copy)
    config = next(path for path in (copy / part).glob("*config.json"))
    config.write_text(json.dumps(json.loads(config.read_text()) | {"note": 1}))
    changed = replace(maker, checkpoint=open_checkpoint(str(copy)))
    first = next(i for i, (old, new) in enumerate(zip(digests(maker), digests(changed), strict=True)) if old != new)
    assert first == first_changed


@pytest.mark.parametrize(("part", "first_changed"), [("text_encoder", 0), ("transformer", 2), ("vae", 2)])
def test_another_class_for_a_component_counts(maker, tiny_wan, tmp_path, part, first_changed):
    shutil.copytree(tiny_wan, tmp_path / "copy")
    index = tmp_path / "copy/model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {part: ["diffusers", "Another"]}))
    changed = replace(maker, checkpoint=open_checkpoint(str(tmp_path / "copy")))
    first = next(i for i, (old, new) in enumerate(zip(digests(maker), digests(changed), strict=True)) if old != new)
    assert first == first_changed


def test_where_the_checkpoint_lies_does_not_count(maker, tiny_wan, tmp_path):
    shutil.copytree(tiny_wan, tmp_path / "elsewhere")
    assert digests(maker) == digests(replace(maker, checkpoint=open_checkpoint(str(tmp_path / "elsewhere"))))
