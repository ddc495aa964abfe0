from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from vgpipe.clips.key_inputs import ClipInputs, ModelFacts
from vgpipe.provenance.input_changes import input_changes

A, B = "a" * 64, "b" * 64


def identity(name: str, files: list[Any], **more: Any) -> dict[str, Any]:
    empty = {"dtype": {name: "float32"}, "quantization": {name: None}, "loras": []}
    return {"files": {name: [["diffusers", "Class"], *files]}, **empty, **more}


def segment(*, files: list[Any] | None = None, loras: list[Any] | None = None, **denoise: Any) -> dict[str, Any]:
    part = identity("transformer", files or [A], loras=loras or [])
    model = {"parts": {"transformer": part}, "scheduler": ["Euler", {"shift": 1}], "configs": {"vae": [[], {"z": 1}]}}
    text = {"version": 1, "family": "wan", "text": "a", "model": {"text_encoder": identity("text_encoder", [A])}}
    return {
        "encode": text,
        "negative": None,
        "later": [],
        "denoise": {"version": 1, "family": "wan", "prompt": A, "seed": 1, "model": model, **denoise},
        "decode": {"version": 1, "family": "wan", "latents": A, "model": {"vae": identity("vae", [A])}},
    }


def clip(*segments: dict[str, Any], model: ModelFacts | None = None, **more: Any) -> ClipInputs:
    exports = ({"version": 1, "frames": A, "fps": 8.0, "recipe": 1, "exporter": {"name": "mp4", "crf": 16}},)
    facts = model or ModelFacts(name="wan", id="x")
    return ClipInputs(**{"segments": segments or (segment(),), "exports": exports, "model": facts, **more})


def texts(before: ClipInputs, now: ClipInputs) -> list[str]:
    assert input_changes(before, before) == () == input_changes(now, now)
    return [change.text for change in input_changes(before, now, {"image": "first.png", "last_image": "last.png"})]


HUB = ["owner/name", "1" * 40, "transformer", None, None]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (segment(seed=2, image=None), ["seed 1 -> 2"]),
        (segment(image=A), ['image none -> "first.png"']),
        (segment(last_image=A), ['last image none -> "last.png"']),
        (segment(images=[[8, A]]), ["images at none -> 8"]),
        (segment(loras=[[A, 1.0]]), ["LoRA style added"]),
        (segment(files=HUB), ["model files of transformer"]),
        (segment(piece=[0, 17, 33]), ["piece none -> [0, 17, 33]"]),
        (segment(windows={"num_frames": 17, "shots": [[0, A]]}), ["windows: none then"]),
        (segment(version=2), ["vgpipe's own denoise stage: version 1 -> 2"]),
        (segment(family="ltx"), ["model.family wan -> ltx"]),
    ],
)  # fmt: skip
def test_an_input_of_denoising_is_named(now, expected):
    found = texts(clip(), clip(now, loras={A: "style"}))
    assert [text[: len(expected[0])] for text in found] == expected


def test_loras_are_compared_by_the_names_of_their_files():
    names = {A: "style", B: "style", "c": "other"}
    before = clip(segment(loras=[[A, 1.0], ["c", 1.0]]), loras=names)
    assert texts(before, clip(segment(loras=[[A, 0.5]]), loras=names)) == [
        "LoRA other removed",
        "weight of LoRA style 1 -> 0.5",
    ]
    assert texts(before, clip(segment(loras=[[B, 1.0], ["c", 1.0]]), loras=names)) == ["LoRA style: other content"]
    assert texts(before, clip(segment(loras=[["c", 1.0], [A, 1.0]]), loras=names)) == ["order of LoRAs"]


def test_files_are_named_where_both_sides_know_them():
    known = {A: {"config.json": "1", "x": "2"}, B: {"x": "3", "y": "4"}}
    assert texts(clip(files=known), clip(segment(files=[B]), files=known)) == [
        "model file transformer/config.json is gone",
        "model file transformer/x changed",
        "model file transformer/y is new",
    ]
    assert texts(clip(), clip(segment(files=[B]))) == ["model files of transformer"]
    assert texts(clip(files=known), clip(segment(files=[A, "scales applied"]), files=known)) == [
        "how transformer is read: [] -> ['scales applied']"
    ]


def test_another_commit_of_the_hub_is_one_change_and_another_model_too():
    before = clip(segment(files=HUB), model=ModelFacts(name="wan", id="owner/name", revision="1" * 40))
    newer = [HUB[0], "2" * 40, *HUB[2:]]
    after = clip(segment(files=newer), model=ModelFacts(name="wan", id="owner/name", revision="2" * 40))
    assert texts(before, after) == ["model.revision 111111111111 -> 222222222222"]
    assert texts(before, clip(segment(files=newer), model=before.model)) == [
        "revision of transformer 111111111111 -> 222222222222"
    ]
    other = segment(files=newer, family="ltx", seed=2)
    assert texts(before, clip(other, model=ModelFacts(name="ltx"))) == ["model wan -> ltx", "seed 1 -> 2"]


def test_components_that_change_alike_are_one_change():
    now = deepcopy(segment())
    for model, name in ((now["encode"]["model"], "text_encoder"), (now["decode"]["model"], "vae")):
        model[name]["dtype"][name] = "bfloat16"
        model[name]["quantization"][name] = "int8"
    now["decode"]["model"]["vae"]["vae_tiling"] = True
    assert texts(clip(), clip(now)) == [
        "precision of text_encoder, vae float32 -> bfloat16",
        "weights of text_encoder, vae native -> int8",
        "vae_tiling false -> true",
    ]


def test_the_scheduler_and_the_config_of_a_component_are_named():
    now = deepcopy(segment())
    now["denoise"]["model"]["scheduler"][1]["shift"] = 3.5
    now["denoise"]["model"]["configs"]["vae"][1]["z"] = None
    assert texts(clip(), clip(now)) == ["scheduler.shift 1 -> 3.5", "model.configs.vae.1.z 1 -> none"]
    now["denoise"]["model"]["scheduler"] = ["UniPC", {}]
    assert texts(clip(), clip(now))[0] == "scheduler Euler -> UniPC"


def test_a_long_clip_has_the_changes_of_all_segments_once():
    before, now = clip(segment(), segment()), clip(segment(seed=2), segment(seed=2, piece=[0, 1]), segment())
    assert texts(before, now) == ["segments 2 -> 3", "seed 1 -> 2"]


def test_finished_files_are_compared_by_exporter():
    one = clip().exports[0]
    gif = {**one, "exporter": {"name": "gif"}}
    assert texts(clip(), clip(exports=(one, gif))) == ["file gif added"]
    assert texts(clip(), clip(exports=(gif,))) == ["exporter mp4 -> gif"]
    assert texts(clip(exports=(one, gif)), clip()) == []
    marked = {**one, "fps": 12.0, "watermark": "PLACEHOLDER", "exporter": {"name": "mp4", "crf": 16, "version": 2}}
    assert texts(clip(), clip(exports=({**marked, "recipe": None},))) == [
        "vgpipe's own mp4 exporter: version none -> 2",
        "fps 8 -> 12",
        "run.metadata true -> false",
        "watermark none -> PLACEHOLDER",
    ]


def test_long_texts_are_shortened():
    now = deepcopy(segment())
    now["encode"]["text"] = "b" * 100
    assert texts(clip(), clip(now)) == [f'prompt changed from "a" to "{"b" * 60}..."']


def test_of_a_part_of_the_inputs_only_that_part_is_compared():
    before = clip({"encode": {"text": "a"}, "denoise": {"seed": 1}}, exports=(), is_partial=True)
    assert input_changes(before, clip(segment(seed=5, image=A)))[0].text == "seed 1 -> 5"
    assert len(input_changes(before, clip(segment(seed=5, image=A)))) == 1
