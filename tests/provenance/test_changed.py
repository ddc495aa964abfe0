"""A file rendered again with changed settings."""

from __future__ import annotations

import copy

import pytest
from PIL import Image

from tests.provenance.recipes import RECIPE
from tests.provenance.test_replay import HOW
from vgpipe.errors import ConfigError, JobError, UsageError
from vgpipe.provenance.changed import changed
from vgpipe.provenance.replay import Changes, read_replay, replay_overrides


@pytest.fixture
def changed_of(file_of, monkeypatch, tmp_path):
    """Gives what is rendered of a recipe with overrides."""
    monkeypatch.chdir(tmp_path)

    def make(*words: str, recipe_model: dict[str, object] | None = None, **clip: object):
        recipe = copy.deepcopy(RECIPE)
        recipe["clip"].update(clip)
        recipe["model"].update(recipe_model or {})
        typed = replay_overrides(words, Changes.ALLOWED)
        return changed(read_replay(file_of(recipe), typed), typed)

    return make


@pytest.mark.parametrize(
    ("words", "differences"),
    [
        (["clip.seed=9"], ("seed 3 -> 9",)),
        (["clip.seed=9", "clip.takes=2", "exporter=webm"], ("seed 3 -> 9, 10",)),
        (["clip.seconds=1", 'clip.prompt="a {cat|cat}"'], ('prompt "a circle" -> "a cat"', "num_frames 5 -> 9")),
        (["quality=quick"], ("num_inference_steps 2 -> 5",)),
        (["model.dtype=float16"], ('model.dtype "float32" -> "float16"',)),
        (["model.scheduler.name=euler"], ("model.scheduler",)),
        (["memory.vae_tiling=true", "memory.strategy=staged"], ("memory.vae_tiling empty -> true",)),
        (["quality.cache=firstblock"], ('quality.cache "none" -> "firstblock"',)),
        (["clip.seed=3"], ()),
    ],
)
def test_what_is_typed_is_changed_and_named_and_the_rest_stays(changed_of, words, differences):
    made = changed_of(*words)
    assert made.differences == differences
    first = made.clips[0]
    assert (first.width, first.fps, first.guidance_scale, first.model) == (32, 8.0, 3.0, "shapes")
    assert made.config.model.rules.max_num_frames == 17 and made.config.job is None


def test_what_a_clip_is_newly_given_is_checked_by_the_option_of_its_model(changed_of, tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "b.png")
    of_vace = {"name": "wan21_vace_1_3b", "family": "wan_vace"}
    (clip,) = changed_of("clip.last_image=b.png", recipe_model=of_vace).clips
    assert clip.last_image == str(tmp_path / "b.png")
    with pytest.raises(JobError, match="last_image"):
        changed_of("clip.last_image=b.png")


def test_another_model_keeps_prompt_and_seed_and_has_its_own_size(changed_of):
    made = changed_of("model=wan21_t2v_1_3b", "clip.num_frames=17", prompt="a {x|y} __z__")
    (clip,) = made.clips
    assert (clip.prompt, clip.seed, clip.num_frames, clip.width) == ("a {x|y} __z__", 3, 17, 832)
    assert "model shapes -> wan21_t2v_1_3b" in made.differences and "width 32 -> 832" in made.differences


def test_random_seeds_are_drawn_and_names_are_given(changed_of):
    made = changed_of("clip.seed=random", "clip.takes=2", "run.name={prompt}-{take}")
    assert made.drawn_from is not None and [clip.name for clip in made.clips] == ["a circle-0", "a circle-1"]


def test_a_long_clip_keeps_its_segments_unless_its_length_changes(changed_of):
    made = changed_of("clip.seed=9", "model.rules.continuations=[image]", num_frames=33, continuation=HOW)
    assert made.differences[0] == "seed 3 -> 9" and made.clips[0].continuation.segment_num_frames == 17


def test_of_several_shots_only_what_leaves_the_segments_can_be_changed(changed_of):
    shots = [{"prompt": "a", "num_frames": 17, "cut": False}, {"prompt": "b", "num_frames": 16, "cut": True}]
    long = {"num_frames": 33, "continuation": HOW, "shots": shots}
    (clip,) = changed_of("clip.seed=9", **long).clips
    assert clip.seed == 9 and len(clip.shots) == 2 and clip.id != RECIPE["clip"]["clip"]
    for word in ("clip.width=64", "clip.seed=random", "model=shapes"):
        with pytest.raises(UsageError, match="of a clip of several shots"):
            changed_of(word, **long)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["clip.width=50"], JobError, "clip.width: width is 50; the model makes multiples of 16"),
        (["clip.seed=x"], ConfigError, "clip.seed"),
        (["job=a.yaml"], ConfigError, "job: is of no use for the one clip of a file -> start a new run"),
        (["pick=[p01234567]"], ConfigError, "pick: is of no use"),
        (["hydra.job.name=x"], ConfigError, "hydra.job.name: is of no use"),
        (["clip.image=missing.png"], JobError, "missing.png"),
    ],
)
def test_what_cannot_be_changed_is_refused(changed_of, words, error, message):
    with pytest.raises(error) as caught:
        changed_of(*words)
    assert message in str(caught.value)


def test_verify_takes_no_changes():
    with pytest.raises(ConfigError, match="would change the clip that the file holds"):
        replay_overrides(["clip.seed=9"])


def test_sound_is_laid_under_a_clip_and_taken_away_again(changed_of, tmp_path):
    (tmp_path / "music.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    made = changed_of("clip.audio=music.wav")
    (clip,) = made.clips
    assert clip.audio == str(tmp_path / "music.wav") and clip.audio_sha256 and made.differences == ("another audio",)
    given = {"audio": clip.audio, "audio_sha256": clip.audio_sha256}
    (without,) = changed_of("clip.audio=none", **given).clips
    assert without.audio is without.audio_sha256 is None
    (tmp_path / "music.wav").rename(tmp_path / "moved.wav")
    moved = changed_of("clip.audio=moved.wav", **given)
    assert moved.clips[0].audio_sha256 == clip.audio_sha256 and moved.differences == ()
    assert replay_overrides(["clip.audio=moved.wav"]).changes == frozenset()
