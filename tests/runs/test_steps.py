"""How far each clip of a run is made."""

from __future__ import annotations

from dataclasses import replace

from tests.clips.test_clip_record import PLAIN
from vgpipe.runs.steps import Steps

CLIP = replace(PLAIN, num_inference_steps=20)


def test_the_config_says_how_far_each_clip_is_made_and_picked_ones_are_made_to_the_end():
    assert Steps().steps_of(CLIP) is None
    assert Steps("40%").steps_of(CLIP) == 8
    assert Steps(8, {CLIP.id}).steps_of(CLIP) is None
    assert Steps(8, {CLIP.id}).steps_of(replace(CLIP, id="other")) == 8
