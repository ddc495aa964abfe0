"""A recipe may come from a stranger: it is validated against the limits of a user's own settings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.provenance.recipes import RECIPE, changed
from vgpipe.errors import ConfigError, UsageError, VgpipeError
from vgpipe.exporters.base import exporter
from vgpipe.provenance.diff import latents_checksums, recipe_diff
from vgpipe.provenance.replay import read_replay, replay_overrides

NO_OVERRIDES = replay_overrides()


def test_a_recipe_gives_config_and_clip(file_of, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    replay = read_replay(
        file_of(RECIPE), replay_overrides(["memory.strategy=staged", "store.dir=elsewhere", "hardware=cpu"])
    )
    assert replay.clip.seed == 3 and replay.clip.image is None and replay.config.model.family == "wan"
    assert replay.config.exporter.name == "gif" and replay.config.job is None
    assert replay.config.memory.strategy == "staged" and replay.config.store.dir == str(tmp_path / "elsewhere")
    assert read_replay(file_of(RECIPE), replay_overrides(["exporter=webm"])).config.exporter.name == "webm"


def test_paths_of_a_home_are_followed_in_ones_own(file_of, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "wan").mkdir()
    recipe = changed("model.id", "~/wan")
    recipe["clip"].update(image="~/dog.png", image_sha256="0" * 64)
    replay = read_replay(file_of(recipe), NO_OVERRIDES)
    assert replay.config.model.id == str(tmp_path / "wan") and replay.clip.image == str(tmp_path / "dog.png")
    assert read_replay(file_of(recipe), replay_overrides(["clip.image=/pics/cat.png"])).clip.image == "/pics/cat.png"


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
        read_replay(file_of(changed(path, value)), NO_OVERRIDES)


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
        replay = read_replay(folder / made.files[0], NO_OVERRIDES)
    except VgpipeError:
        return
    assert isinstance(recipe_diff(replay.recipe, RECIPE), tuple) and isinstance(latents_checksums(replay.recipe), list)


def test_overrides_that_would_change_the_clip_are_refused_all_at_once():
    with pytest.raises(ConfigError) as raised:
        replay_overrides(["clip.seed=4", "memory.vae_tiling=true", "run.budget=8h", "exporterx=gif"])
    assert [fault.where for fault in raised.value.faults] == ["clip.seed", "memory.vae_tiling", "exporterx"]
    assert "allowed here: hardware, executor, exporter" in raised.value.faults[0].remedy
    with pytest.raises(UsageError, match="--cfg has no use here"):
        replay_overrides(["--cfg", "job"])
