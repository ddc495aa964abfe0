"""A digest changes with everything that can change the bits, and with nothing else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.job.clip import Clip, PlacedImage
from vgpipe.models.base import Lora, Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.registry import family
from vgpipe.stages.keys import KeyMaker

CLIP = Clip(
    id="a-1", prompt="a small red circle", negative_prompt="", seed=1, width=32, height=32, num_frames=5, fps=8.0,
    num_inference_steps=4, guidance_scale=3.0, model="shapes",
)  # fmt: skip
MP4 = {"name": "mp4", "crf": 16}


def make(folder, **settings):
    return KeyMaker(
        family("wan", open_checkpoint(Origin(str(folder))), Settings(**{"max_sequence_length": 64, **settings}))
    )


@pytest.fixture
def maker(tiny_wan):
    return make(tiny_wan)


def digests(maker, clip=CLIP, exporter=MP4):
    keys = ArtifactKeys(maker, (exporter,)).of_clip(clip)[0]
    return [
        key.digest if key else None for key in (keys.prompt, keys.negative, keys.latents, keys.frames, *keys.exports)
    ]


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
        ({"guidance_stop": 0.7}, 2),
        ({"guidance_start": 0.0, "guidance_stop": 1.0}, 5),
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


def test_precision_and_text_length_count(maker, tiny_wan):
    assert digests(maker)[0] != digests(make(tiny_wan, dtype="bfloat16"))[0]
    assert digests(maker)[0] != digests(make(tiny_wan, max_sequence_length=128))[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"scheduler_config": {"flow_shift": 5.0}},
        {"scheduler": "FlowMatchEulerDiscreteScheduler"},
        {"pipeline_kwargs": {"guidance_scale_2": 2.0}},
        {"component_dtypes": {"transformer": "bfloat16"}},
        {"quantization": {"transformer": "int8"}},
        {"loras": (Lora(path="/a", weight=1.0, sha256="0" * 64),)},
    ],
)
def test_how_the_denoiser_is_loaded_and_called_counts_from_the_latents_on(maker, tiny_wan, settings):
    before, after = digests(maker), digests(make(tiny_wan, **settings))
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, False, False]


def test_a_loras_place_does_not_count_but_its_weight_does(tiny_wan):
    def with_lora(path, weight):
        return digests(make(tiny_wan, loras=(Lora(path=path, weight=weight, sha256="0" * 64),)))

    assert with_lora("/a", 1.0) == with_lora("/b", 1.0) != with_lora("/a", 0.5)


def test_everything_that_is_given_counts_by_its_content_and_its_frame(maker):
    def with_given(**given):
        return digests(maker, replace(CLIP, **given))[2]

    def placed(frame, path):
        return {"images": (PlacedImage(frame=frame, image=path, image_sha256="1" * 64),)}

    image = {"image": "/a.png", "image_sha256": "0" * 64}
    video = {"video": "/a.mp4", "video_sha256": "2" * 64, "fit": "cover"}
    found = [
        with_given(**image),
        with_given(**image, fit="cover"),
        with_given(**image, fit="contain"),
        with_given(**image, last_image="/b.png", last_image_sha256="1" * 64),
        with_given(**image, **placed(2, "/a.png")),
        with_given(**image, **placed(3, "/a.png")),
        with_given(**video, video_num_frames=1),
        with_given(**video, strength=0.5),
        with_given(**video, strength=0.7),
    ]
    assert len(set(found)) == len(found) and with_given(**image, **placed(2, "/b.png")) in found
    assert with_given(fit="contain") == digests(maker)[2]  # of a segment that is given nothing


def test_the_images_content_counts_and_not_its_place(maker):
    def with_image(path, digit):
        return digests(maker, replace(CLIP, image=path, image_sha256=digit * 64))

    assert with_image("/a.png", "0") == with_image("/b.png", "0") != with_image("/a.png", "1")
    assert with_image("/a.png", "0")[2] != digests(maker)[2]


def test_a_placeholders_watermark_touches_only_the_export(maker):
    before, after = digests(maker), digests(replace(maker, watermark="PLACEHOLDER"))
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("component", "first_changed"), [("text_encoder", 0), ("transformer", 2), ("scheduler", 2), ("vae", 2)]
)
def test_a_changed_model_file_changes_what_it_made(maker, tiny_wan, tmp_path, component, first_changed):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_wan, copy)
    config = next(path for path in (copy / component).glob("*config.json"))
    config.write_text(json.dumps(json.loads(config.read_text()) | {"note": 1}))
    changed = make(copy)
    first = next(i for i, (old, new) in enumerate(zip(digests(maker), digests(changed), strict=True)) if old != new)
    assert first == first_changed


@pytest.mark.parametrize(("component", "first_changed"), [("text_encoder", 0), ("transformer", 2), ("vae", 2)])
def test_another_class_for_a_component_counts(maker, tiny_wan, tmp_path, component, first_changed):
    shutil.copytree(tiny_wan, tmp_path / "copy")
    index = tmp_path / "copy/model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {component: ["diffusers", "Another"]}))
    changed = make(tmp_path / "copy")
    first = next(i for i, (old, new) in enumerate(zip(digests(maker), digests(changed), strict=True)) if old != new)
    assert first == first_changed


def test_where_the_checkpoint_lies_does_not_count(maker, tiny_wan, tmp_path):
    shutil.copytree(tiny_wan, tmp_path / "elsewhere")
    assert digests(maker) == digests(make(tmp_path / "elsewhere"))


def test_a_recipe_in_the_file_and_every_exporter_have_names_of_their_own(maker):
    gif = {"name": "gif", "dither": "none"}
    plain = ArtifactKeys(maker, (MP4, gif)).of_clip(CLIP)[0]
    told = ArtifactKeys(replace(maker, carries_recipe=True), (MP4, gif)).of_clip(CLIP)[0]
    assert len({key.digest for key in (*plain.exports, *told.exports)}) == 4
    assert (
        plain.exports[0] == ArtifactKeys(maker, (MP4,)).of_clip(CLIP)[0].exports[0]
    )  # whatever else is made beside it
    assert (plain.latents, plain.frames) == (told.latents, told.frames)


def test_a_draft_shares_the_latents_and_all_before_them_with_the_finished_clip(maker):
    final, draft, other = (ArtifactKeys(maker, (MP4,)).of_clip(CLIP, draft=steps)[0] for steps in (None, 2, 3))
    assert (draft.prompt, draft.negative, draft.latents) == (final.prompt, final.negative, final.latents)
    assert final.preview is None and final.denoised == final.latents and draft.denoised == draft.preview
    for each in ("preview", "frames", "exports"):
        assert len({str(getattr(keys, each)) for keys in (final, draft, other)}) == 3, each


def test_sound_is_in_the_keys_of_files_that_hold_it_alone(maker):
    loud = replace(maker, makes_sound=True)
    of_file = replace(CLIP, audio="/a.wav", audio_sha256="0" * 64)
    silent = replace(CLIP, audio="none")
    for exporter, differ in ((MP4, True), ({"name": "gif"}, False)):
        plain = digests(maker, exporter=exporter)
        assert digests(loud, silent, exporter) == plain == digests(maker, silent, exporter)
        made = [digests(loud, exporter=exporter), digests(maker, of_file, exporter), digests(loud, of_file, exporter)]
        assert all(one[:4] == plain[:4] for one in made) and made[1] == made[2]
        assert len({one[4] for one in (plain, *made)}) == (3 if differ else 1)
    other = replace(of_file, audio_sha256="1" * 64)
    assert digests(maker, other)[4] != digests(maker, of_file)[4]
