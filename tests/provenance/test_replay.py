"""A recipe may be anybody's: what it asks for is held to the limits of a user's own settings."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.commands.verify import Answer, Verifier
from vgpipe.errors import UsageError, VgpipeError
from vgpipe.exporters.base import exporter
from vgpipe.provenance.diff import checksums, differences
from vgpipe.provenance.recipe import without_defaults
from vgpipe.provenance.replay import read_again, typed_after

RECIPE: dict[str, Any] = {
    "vgpipe": 1,
    "clip": {
        "clip": "a-circle-01234567",
        "prompt": "a circle",
        "negative_prompt": "",
        "seed": 3,
        "width": 32,
        "height": 32,
        "num_frames": 5,
        "fps": 8.0,
        "num_inference_steps": 2,
        "guidance_scale": 3.0,
        "model": "shapes",
    },
    "model": {
        "name": "shapes",
        "family": "wan",
        "id": "embedded:shapes",
        "dtype": "float32",
        "reference": {
            "width": 64, "height": 64, "num_frames": 17, "fps": 8, "num_inference_steps": 20, "guidance_scale": 3.0,
        },
        "rules": {"max_num_frames": 17},
    },
    "memory": {},
    "exporter": {"name": "gif", "dither": "none"},
    "parts": {"denoise.transformer": "aa"},
    "latents": [{"key": "k", "sha256": "s"}],
    "versions": {"torch": "2"},
    "device": "cpu AVX2",
    "degradations": [],
}  # fmt: skip

NOTHING = typed_after()


@pytest.fixture
def file_of(tmp_path: Path):
    """Writes a file with any recipe."""

    def written(recipe: dict[str, Any]) -> Path:
        frames = np.zeros((1, 16, 16, 3), np.uint8)
        made = exporter({"name": "sheet"}).export(frames, fps=8, folder=tmp_path, recipe=recipe)
        return tmp_path / made.files[0]

    return written


def changed(path: str, value: Any) -> dict[str, Any]:
    recipe = copy.deepcopy(RECIPE)
    *way, last = path.split(".")
    place = recipe
    for name in way:
        place = place[name]
    place[last] = value
    return recipe


def test_a_recipe_gives_config_and_clip(file_of, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    again = read_again(file_of(RECIPE), typed_after(["memory.strategy=staged", "store.dir=elsewhere", "hardware=cpu"]))
    assert again.clip.seed == 3 and again.clip.image is None and again.config.model.family == "wan"
    assert again.config.exporter.name == "gif" and again.config.job is None
    assert again.config.memory.strategy == "staged" and again.config.store.dir == str(tmp_path / "elsewhere")
    assert read_again(file_of(RECIPE), typed_after(["exporter=webm"])).config.exporter.name == "webm"


def test_paths_of_a_home_are_followed_in_ones_own(file_of, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "wan").mkdir()
    recipe = changed("model.id", "~/wan")
    recipe["clip"].update(image="~/dog.png", image_sha256="0" * 64)
    again = read_again(file_of(recipe), NOTHING)
    assert again.config.model.id == str(tmp_path / "wan") and again.clip.image == str(tmp_path / "dog.png")
    assert read_again(file_of(recipe), typed_after(["clip.image=/pics/cat.png"])).clip.image == "/pics/cat.png"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("clip.clip", "../../etc/passwd"),
        ("clip.clip", ""),
        ("clip.width", 10**9),
        ("clip.num_frames", -1),
        ("clip.num_inference_steps", 10**9),
        ("clip.fps", 0),
        ("clip.seed", "3"),
        ("clip.prompt", None),
        ("clip.image", "dog.png"),
        ("clip", []),
        ("model.name", None),
        ("model.trust_remote_code", True),
        ("model.pipeline_kwargs", {"prompt": "another"}),
        ("model.reference", "x"),
        ("model", "x"),
        ("memory.strategy", "warp"),
        ("memory", None),
        ("exporter.name", "../mp4"),
        ("exporter", {}),
        ("vgpipe", 2),
    ],
)
def test_a_hostile_recipe_is_refused_in_plain_words(file_of, path, value):
    with pytest.raises(UsageError, match="recipe"):
        read_again(file_of(changed(path, value)), NOTHING)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([key for key in RECIPE if key != "vgpipe"]), JSON)
def test_any_recipe_is_followed_or_refused(tmp_path_factory, key, value):
    folder = tmp_path_factory.mktemp("recipe")
    made = exporter({"name": "sheet"}).export(
        np.zeros((1, 8, 8, 3), np.uint8), fps=8, folder=folder, recipe={**RECIPE, key: value}
    )
    try:
        again = read_again(folder / made.files[0], NOTHING)
    except VgpipeError:
        return
    assert isinstance(differences(again.recipe, RECIPE), tuple) and isinstance(checksums(again.recipe), list)


def test_what_differs_is_said_once_for_each_thing():
    now = {
        "parts": {"denoise.transformer": "bb", "encode.text_encoder": "cc"},
        "latents": [{"key": "other"}],
        "versions": {"torch": "3"},
        "device": "cuda X",
    }
    told = differences(RECIPE, now)
    assert [line.split()[0] for line in told] == ["transformer", "text_encoder", "torch", "made"]
    assert differences(RECIPE, {**RECIPE, "latents": [{"key": "other"}]})[0].startswith("vgpipe makes these latents")
    assert differences(RECIPE, json.loads(json.dumps(RECIPE))) == ()


def test_defaults_are_left_out_of_a_recipe():
    from vgpipe.config.schema import MemoryConfig

    assert without_defaults({"strategy": "auto", "vae_tiling": True, "weights": {}}, MemoryConfig) == {
        "vae_tiling": True
    }


def test_an_image_that_is_gone_or_another_cannot_be_verified(file_of, tmp_path):
    recipe = copy.deepcopy(RECIPE)
    image = tmp_path / "dog.png"
    recipe["clip"].update(image=str(image), image_sha256="0" * 64)
    path = file_of(recipe)
    gone = Verifier(NOTHING).verdict(path)
    assert gone.answer is Answer.CANNOT and "is gone -> clip.image=PATH" in gone.reasons[0]
    image.write_bytes(b"another dog")
    other = Verifier(NOTHING).verdict(path)
    assert other.answer is Answer.CANNOT and "another one now" in other.reasons[0]
