import pytest

from tests.config.test_measurements import cache, measurement, model, remember  # noqa: F401
from vgpipe.clips.requested import request
from vgpipe.config.load import load

OWN = ["hardware=cpu", "model.loras=[{id: own.safetensors}]", "clip.prompt=a red circle"]


@pytest.mark.parametrize("choice, steps", [("75%", 6), ("80%", 6), ("85%", 9), ("99%", 20), ("100%", 20)])
def test_the_cheapest_setting_is_taken_whose_lower_bound_is_enough(model, choice, steps):  # noqa: F811
    remember(measurement(model))
    quality = load([*OWN, f"quality={choice}"]).quality
    assert quality.num_inference_steps == steps
    assert f"quality={choice}: steps={steps}" in quality.chosen and "bench of this machine" in quality.chosen


def test_a_run_says_what_was_chosen_and_why(model):  # noqa: F811
    remember(measurement(model, shape=(32, 32, 17)))
    wanted = request(load([*OWN, "quality=85%"]))
    assert wanted.clips[0].num_inference_steps == 9
    assert "95 % interval 90% to 100%" in wanted.notes[0]
    assert "2026-01-01, 8 prompts at 32x32, 17 frames" in wanted.notes[0]


def test_what_the_user_sets_beside_it_stays(model):  # noqa: F811
    remember(measurement(model))
    assert load([*OWN, "quality=85%", "quality.num_inference_steps=3"]).quality.num_inference_steps == 3


def test_a_model_without_measurements_has_its_own_settings_and_the_way_to_measure():
    quality = load([*OWN, "quality=85%"]).quality
    assert quality.num_inference_steps is None and quality.steps_scale == 1
    assert "no setting of shapes has been measured" in quality.chosen
    assert "python -m vgpipe bench model=shapes" in quality.chosen


def test_published_figures_choose_nothing():
    quality = load(["hardware=cpu", "model=hunyuan_video", "quality=85%"]).quality
    assert quality.num_inference_steps is None
    assert "published figures, by which nothing is chosen" in quality.chosen


def test_a_saved_choice_is_not_made_again(model):  # noqa: F811
    remember(measurement(model))
    saved = ["quality.chosen=as it was", "quality.num_inference_steps=4"]
    quality = load([*OWN, "quality=85%", *saved]).quality
    assert (quality.num_inference_steps, quality.chosen) == (4, "as it was")


def test_settings_that_this_version_lacks_are_left_out(model):  # noqa: F811
    known = measurement(model)
    odd = [*known.settings[:1], known.settings[2], known.settings[3]]
    odd[0].quality["no_such_lever"] = 1
    remember(type(known)(**{**vars(known), "settings": tuple(odd)}))
    assert load([*OWN, "quality=1%"]).quality.num_inference_steps == 9
