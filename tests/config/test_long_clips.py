"""How the options of the config have long clips made."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import replace

import pytest

from tests.configs import composed, model_of
from vgpipe.config.groups import group_table
from vgpipe.config.load import load
from vgpipe.config.schema import ClipOverrides
from vgpipe.errors import ConfigError
from vgpipe.job.clip import Clip
from vgpipe.job.declared import SETTINGS, names_set_by
from vgpipe.job.resolving.continuations import LONG_MODELS, fit_continuation
from vgpipe.job.segments import segments_of
from vgpipe.job.settings import SetBy
from vgpipe.models.registry import FAMILIES

METHODS = SETTINGS["continuation"].choices
MODELS = dict(group_table())["model"]


def offered(family: str) -> tuple[str, ...]:
    """How a family can go on; what drives any pipeline is no class, and makes clips at once only."""
    module, attribute = FAMILIES[family].split(":")
    return getattr(getattr(importlib.import_module(module), attribute), "continuations", ())


@pytest.mark.parametrize("option", MODELS)
def test_what_a_model_is_said_to_do_its_family_does(option):
    model = model_of(option)
    own = model.rules.continuations
    assert set(own) <= set(offered(model.family)) and len(set(own)) == len(own)


@pytest.mark.parametrize("option", MODELS)
def test_a_long_clip_of_every_model_and_method_is_as_long_as_asked(option):
    for method in model_of(option).rules.continuations:
        is_as_long_as_asked(option, method)


def is_as_long_as_asked(option, method):
    model = model_of(option)
    reference, rules = model.reference, replace(model.rules, continuations=(method,))
    num_frames = 3 * rules.largest_num_frames + 2
    how = fit_continuation(
        (num_frames,), rules, reference=reference.num_frames,
        num_inference_steps=reference.num_inference_steps, match_color=True,
    )  # fmt: skip
    assert rules.allows_num_frames(how.segment_num_frames) and how.overlap_num_frames < how.segment_num_frames
    clip = Clip(
        id="x", prompt="x", negative_prompt="", seed=0, width=reference.width, height=reference.height,
        num_frames=num_frames, fps=reference.fps, num_inference_steps=reference.num_inference_steps,
        guidance_scale=reference.guidance_scale, model=option, continuation=how,
    )  # fmt: skip
    segments = segments_of(clip)
    assert sum(one.stop - one.start for one in segments) == num_frames
    assert all(rules.allows_num_frames(one.clip.num_frames) for one in segments)
    assert all(rules.allows_num_frames(one.conditions) for one in segments if method == "frames" and one.given)


@pytest.mark.parametrize("option", MODELS)
def test_the_lengths_of_segments_are_ones_that_the_model_makes(option):
    rules = model_of(option).rules
    for count in (rules.segment_num_frames, rules.min_segment_num_frames):
        assert count is None or rules.allows_num_frames(count)
    assert rules.window_overlap_num_frames is None or rules.window_overlap_num_frames % rules.frames_step == 0
    assert "frames" not in rules.continuations or rules.allows_num_frames(rules.overlap_num_frames)


def test_the_models_that_a_fault_advises_can_go_on():
    advised = [word.rstrip(",").removeprefix("model=") for word in LONG_MODELS.split() if word.startswith("model=")]
    assert len(advised) == 3
    assert all(model_of(option).rules.continuations for option in advised)


def test_every_setting_of_a_clip_can_be_typed():
    assert {field.name for field in dataclasses.fields(ClipOverrides)} == set(names_set_by(SetBy.COMMAND_LINE))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_typed(method):
    assert load([f"clip.continuation={method}"]).clip.continuation == method


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("clip.continuation=nonsense", ['"nonsense" is not allowed', *METHODS]),
        ("clip.continuaton=image", ["did you mean clip.continuation?"]),
        ("clip.segment_num_frames=0", ["0 is not allowed", "greater than or equal to 1"]),
        ("clip.segment_num_inference_steps=x", ['"x" is not allowed', "a whole number"]),
        ("clip.match_color=maybe", ["true or false"]),
        ("quality.match_color=3", ["true or false"]),
        ("quality.segment_num_inference_steps=0", ["greater than or equal to 1"]),
        ("model.rules.continuations=[image, on]", ["model.rules.continuations.1", "'image', 'frames', 'window'"]),
        ("model.rules.overlap_num_frames=0", ["greater than or equal to 1"]),
    ],
)
def test_a_faulty_setting_of_long_clips_names_key_value_and_remedy(override, words):
    with pytest.raises(ConfigError) as caught:
        load([override])
    told = str(caught.value)
    assert override.partition("=")[0] in told and all(word in told for word in words), told


@pytest.mark.parametrize("option", dict(group_table())["quality"])
def test_every_quality_has_the_settings_of_long_clips(option):
    quality = composed(f"quality={option}").quality
    assert quality.match_color is True and quality.segment_num_inference_steps is None
    changed = load([f"quality={option}", "quality.match_color=false", "quality.segment_num_inference_steps=4"]).quality
    assert not changed.match_color and changed.segment_num_inference_steps == 4
