"""After how many steps a draft stops, and what of a clip it makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.job.test_segments import PLAIN, by
from vgpipe.job.drafts import draft_notes, draft_steps, is_draft, segments_made
from vgpipe.job.segments import segments_of


@pytest.mark.parametrize("value", [1, 8, 10_000, "1%", "40%", "12.5%", "40 %", "99.9%"])
def test_steps_and_shares_say_how_much_is_drafted(value):
    assert is_draft(value)


@pytest.mark.parametrize(
    "value", [0, -1, 8.0, True, None, "8", "0%", "0.0%", "100%", "150%", "-5%", "abc", "٤٠%", "40%%", [1]]
)
def test_anything_else_says_nothing(value):
    assert not is_draft(value)


@pytest.mark.parametrize(
    ("draft", "steps", "expected"),
    [(None, 30, None), (8, 30, 8), (29, 30, 29), (30, 30, None), (40, 30, None), ("40%", 30, 12), ("1%", 30, 1),
     ("99.9%", 30, None), ("50%", 1, None), ("12.5%", 24, 3)],
)  # fmt: skip
def test_a_clip_stops_after_these_steps(draft, steps, expected):
    assert draft_steps(draft, steps) == expected


def test_a_draft_that_is_none_is_told_with_the_share_that_may_be_meant():
    few, many = replace(PLAIN, num_inference_steps=20), replace(PLAIN, num_inference_steps=50)
    assert draft_notes(40, [few]) == [
        "draft=40: the clip has no more than 20 steps and will be made to the end; a share of them: draft=40%"
    ]
    assert "1 of 2 clips have no more than 20 steps" in draft_notes(40, [few, many])[0]
    assert draft_notes(8, [few, many]) == draft_notes(None, [few]) == draft_notes("40%", [few]) == []


@pytest.mark.parametrize("method", ["image", "frames", "window"])
def test_a_draft_is_the_first_segment(method):
    clip = replace(PLAIN, num_frames=80, continuation=by(method))
    assert segments_made(clip, 3) == segments_of(clip)[:1]
    assert segments_made(clip, None) == segments_of(clip)
