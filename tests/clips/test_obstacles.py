"""What a family cannot make of a clip is refused before anything starts, with the setting and what to type."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.stages.test_keys import CLIP
from vgpipe.clips.obstacles import refuse_what_no_family_makes
from vgpipe.errors import ConfigError
from vgpipe.job.clip import Continuation

ABLE = SimpleNamespace(
    draft_obstacle=lambda: None, interval_obstacle=lambda: None, steps_obstacle=lambda _steps: None,
    image_obstacle=lambda: "no package -> pip install it",
)  # fmt: skip
UNABLE = SimpleNamespace(
    draft_obstacle=lambda: "it is run whole -> leave draft out", interval_obstacle=lambda: "no -> x",
    steps_obstacle=lambda steps: None if steps == CLIP.num_inference_steps else f"{steps}, but 8 -> steps=8",
    image_obstacle=lambda: None,
)  # fmt: skip
LIMITED = replace(CLIP, guidance_stop=0.7)


def told(family, clips, **how):
    with pytest.raises(ConfigError) as found:
        refuse_what_no_family_makes(family, clips, **how)
    return str(found.value)


def test_what_a_family_can_make_passes():
    refuse_what_no_family_makes(ABLE, [CLIP, LIMITED], drafted=True)
    refuse_what_no_family_makes(UNABLE, [CLIP], drafted=False)


def test_a_draft_and_an_interval_are_refused_at_once():
    text = told(UNABLE, [CLIP, LIMITED], drafted=True)
    assert (
        "draft: it is run whole" in text and "leave draft out" in text and "guidance_start, guidance_stop: no" in text
    )


def test_steps_that_a_model_has_no_noise_levels_for_are_refused_of_later_segments_too():
    steps = CLIP.num_inference_steps
    later = Continuation(
        method="image", segment_num_frames=17, min_segment_num_frames=9, overlap_num_frames=1, frames_step=4,
        frames_offset=1, num_inference_steps=steps + 1, match_color=False,
    )  # fmt: skip
    clips = [replace(CLIP, num_inference_steps=steps + 2), replace(CLIP, continuation=later)]
    text = told(UNABLE, clips, drafted=False)
    assert f"num_inference_steps: {steps + 1}, but 8" in text and f"num_inference_steps: {steps + 2}, but 8" in text
    refuse_what_no_family_makes(UNABLE, [replace(CLIP, continuation=replace(later, method="window"))], drafted=False)


def test_images_that_nothing_here_prepares_are_refused():
    assert "image: no package" in told(ABLE, [replace(CLIP, last_image="/a.png")], drafted=False)
    refuse_what_no_family_makes(ABLE, [CLIP], drafted=False)


def test_an_interval_without_a_step_is_refused():
    assert "0.8 is not below guidance_stop (0.5)" in told(
        ABLE, [replace(CLIP, guidance_start=0.8, guidance_stop=0.5)], drafted=False
    )


def test_a_pipeline_that_is_run_whole_has_no_drafts(vgpipe, tmp_path):
    from tests import tiny

    folder = tiny.build("mochi_1_preview", tmp_path / "model")
    ran = vgpipe(
        "model=generic", "model.family=generic_whole", f"model.id={folder}", "draft=2", "clip.prompt=a red circle",
        "model.rules.min_side=16", "clip.width=32", "clip.height=16", "clip.num_frames=7", "model.dtype=float32",
        "checks=off",
    )  # fmt: skip
    assert ran.code == 2 and "MochiPipeline is run whole" in ran.err and "leave draft out" in ran.err
