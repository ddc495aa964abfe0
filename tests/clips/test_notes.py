"""What clips are noted for: prompts without effect."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.notes import noted_lines, notes_of_settings
from vgpipe.models.base import Settings
from vgpipe.models.families.hunyuan_video import HunyuanVideoFamily
from vgpipe.models.families.hunyuan_video15 import HunyuanVideo15Family
from vgpipe.models.families.wan import WanFamily

NEGATIVE = replace(PLAIN, negative_prompt="blurry", guidance_scale=1.0)


def guider(**config: object) -> SimpleNamespace:
    return SimpleNamespace(config=lambda _component: config)


@pytest.mark.parametrize(
    ("family", "guidance_scale", "told"),
    [
        (WanFamily(None, Settings()), 1.0, "guidance_scale 1 turns guidance off"),
        (WanFamily(None, Settings()), 0.0, "guidance_scale 0 turns guidance off"),
        (WanFamily(None, Settings()), 1.5, None),
        (HunyuanVideoFamily(None, Settings()), 6.0, "guidance is embedded and uses none unless model.pipeline_kwargs."),
        (HunyuanVideoFamily(None, Settings(pipeline_kwargs={"true_cfg_scale": 6.0})), 1.0, None),
        (HunyuanVideo15Family(guider(), Settings()), 1.0, "guidance_scale 1 turns guidance off"),
        (HunyuanVideo15Family(guider(enabled=False), Settings()), 6.0, "guider is turned off"),
        (HunyuanVideo15Family(guider(), Settings()), 6.0, None),
    ],
)
def test_a_negative_prompt_without_effect_is_noted_with_the_reason(family, guidance_scale, told):
    notes = notes_of_settings(replace(NEGATIVE, guidance_scale=guidance_scale), family)
    if told is None:
        assert notes == ()
    else:
        (note,) = notes
        assert note.startswith("the negative prompt has no effect: ") and told in note


def test_nothing_is_noted_of_a_negative_prompt_that_nobody_typed():
    family = WanFamily(None, Settings())
    assert notes_of_settings(replace(NEGATIVE, negative_prompt=" "), family) == ()
    assert notes_of_settings(NEGATIVE, family, reference_negative="blurry\n") == ()


def test_clips_with_the_same_note_share_a_line():
    many = [(f"clip-{number}", ("no effect",)) for number in range(5)]
    assert noted_lines([*many, ("other", ("cut", "no effect")), ("quiet", ())]) == [
        "clip-0, clip-1, clip-2 and 3 more clips: no effect",
        "other: cut",
    ]
