"""A recipe may come from a stranger: it is validated against the limits of a user's own settings."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.provenance.recipes import RECIPE, changed
from vgpipe.errors import ConfigError, UsageError, VgpipeError
from vgpipe.exporters.base import exporter
from vgpipe.provenance.changed import changed as changed_file
from vgpipe.provenance.diff import latents_checksums, recipe_diff
from vgpipe.provenance.replay import Changes, given_problem, read_replay, replay_overrides

HOW = {
    "method": "image", "segment_num_frames": 17, "min_segment_num_frames": 17, "overlap_num_frames": 1,
    "frames_step": 4, "frames_offset": 1, "num_inference_steps": 2, "match_color": True,
}  # fmt: skip
NESTED: dict = {}
for _ in range(300):
    NESTED = {"a": NESTED}
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


def test_the_recipe_of_a_preview_gives_its_draft_and_that_can_be_left_out(file_of):
    steps = RECIPE["clip"]["num_inference_steps"]
    recipe = {**RECIPE, "draft": {"step": 1, "of": steps}}
    replay = read_replay(file_of(recipe), NO_OVERRIDES)
    assert replay.draft == replay.config.draft == 1 and replay.preview == f"preview of a draft, step 1 of {steps}"
    finished = replay_overrides(["draft=null"], Changes.ALLOWED)
    whole = read_replay(file_of(recipe), finished)
    assert whole.draft is None and changed_file(whole, finished).differences == ("draft 1 -> none",)
    assert read_replay(file_of(RECIPE), NO_OVERRIDES).preview == ""
    with pytest.raises(ConfigError, match="would change the clip"):
        replay_overrides(["draft=2"])


def test_a_step_cache_is_the_files_and_not_that_of_the_users_own_defaults(file_of):
    cached = changed("quality", {"cache": "firstblock", "cache_threshold": 0.1})
    quality = read_replay(file_of(cached), NO_OVERRIDES).config.quality
    assert (quality.cache, quality.cache_threshold, quality.cache_interval) == ("firstblock", 0.1, None)
    typed = replace(NO_OVERRIDES, config=replace(NO_OVERRIDES.config, quality=quality))
    assert read_replay(file_of(RECIPE), typed).config.quality.cache == "none"
    with pytest.raises(UsageError, match=r'cache: "fast" is not allowed'):
        read_replay(file_of(changed("quality", {"cache": "fast"})), NO_OVERRIDES)


def test_paths_of_a_home_are_followed_in_ones_own(file_of, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "wan").mkdir()
    recipe = changed("model.id", "~/wan")
    recipe["clip"].update(image="~/dog.png", image_sha256="0" * 64)
    replay = read_replay(file_of(recipe), NO_OVERRIDES)
    assert replay.config.model.id == str(tmp_path / "wan") and replay.clip.image == str(tmp_path / "dog.png")
    assert read_replay(file_of(recipe), replay_overrides(["clip.image=/pics/cat.png"])).clip.image == "/pics/cat.png"


def test_each_given_file_may_lie_elsewhere_and_the_one_that_does_not_is_named(file_of, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    sha256 = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    recipe = deepcopy(RECIPE)
    there = str(tmp_path / "a.png")
    recipe["clip"].update(image=there, image_sha256=sha256, last_image="~/gone.png", last_image_sha256=sha256)
    recipe["clip"]["images"] = [{"frame": 2, "image": "~/gone.png", "image_sha256": sha256}]
    clip = read_replay(file_of(recipe), NO_OVERRIDES).clip
    assert "its last image" in given_problem(clip) and "is missing -> clip.last_image=PATH" in given_problem(clip)
    assert "clip.images={FRAME: PATH}" in given_problem(clip, ["last_image"])
    moved = replay_overrides([f"clip.last_image={there}", f"clip.images={{2: {there}}}"])
    assert given_problem(read_replay(file_of(recipe), moved).clip) is None


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
        ("draft", {"step": 0, "of": RECIPE["clip"]["num_inference_steps"]}),
        ("draft", {"step": RECIPE["clip"]["num_inference_steps"], "of": RECIPE["clip"]["num_inference_steps"]}),
        ("draft", {"step": "1", "of": 2}),
        ("draft", 1),
        ("clip.clip", "x\x9b2J"),
        ("clip.prompt", "a\x1b[2J"),
        ("clip.num_frames", 5000),
        ("clip.continuation", {**HOW, "overlap_num_frames": 17}),
        ("clip.continuation", {**HOW, "frames_step": 0}),
        ("clip.continuation", {**HOW, "segment_num_frames": 10**9}),
        ("clip.shots", [{"prompt": "x", "num_frames": 1}] * 2000),
        ("model.id", "x\nsame  x.png"),
        ("model.id", "//host/share"),
        ("model.id", r"\\host\share"),
        ("model.components", {"vae": {"id": "x", "subfolder": "../../etc"}}),
        ("model.loras", [{"id": "x", "file": "/etc/passwd"}]),
        ("model.pipeline_kwargs", NESTED),
        ("model._target_", "os.system"),
        ("exporter", {"name": "mp4", "upscale_height": 8640, "fps": 240.0, "interpolate": "minterpolate"}),
        ("exporter", {"name": "mp4", "preset": "fast -vf movie=/etc/passwd"}),
    ],
)
def test_a_hostile_recipe_is_refused_in_plain_words(file_of, path, value):
    with pytest.raises(UsageError, match="recipe"):
        read_replay(file_of(changed(path, value)), NO_OVERRIDES)


@pytest.mark.parametrize("setting", ["image", "last_image", "video", "audio"])
def test_a_file_on_another_machine_is_not_followed(file_of, setting):
    recipe = changed(f"clip.{setting}", "//host/share/x")
    recipe["clip"][f"{setting}_sha256"] = "0" * 64
    with pytest.raises(UsageError, match="a place on another machine, which is not followed"):
        read_replay(file_of(recipe), NO_OVERRIDES)


def test_a_clip_without_the_sound_of_its_model_stays_so(file_of):
    recipe = changed("clip.audio", "none")
    assert read_replay(file_of(recipe), NO_OVERRIDES).clip.audio == "none"
    recipe["clip"]["audio_sha256"] = "0" * 64
    with pytest.raises(UsageError, match="audio"):
        read_replay(file_of(recipe), NO_OVERRIDES)


def test_texts_of_a_recipe_are_never_resolved(file_of):
    text = "${oc.env:HOME} $(id) {x} %s"
    recipe = changed("clip.prompt", text)
    recipe["model"]["note"] = text
    replay = read_replay(file_of(recipe), NO_OVERRIDES)
    assert replay.clip.prompt == text and replay.config.model.note == text


def test_an_exporter_of_ones_own_replaces_one_that_asks_for_too_much(file_of):
    path = file_of(changed("exporter", {"name": "webm", "upscale_height": 4320}))
    with pytest.raises(UsageError, match=r"at most 8,847,360 are made .* -> exporter=webm"):
        read_replay(path, NO_OVERRIDES)
    assert read_replay(path, replay_overrides(["exporter=webm"])).config.exporter.upscale_height is None
    assert read_replay(path, replay_overrides(["exporter.upscale_height=4320"])).config.exporter.upscale_height == 4320


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
