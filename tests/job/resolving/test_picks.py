"""Picks name clips by what stays the same from draft to final."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.errors import JobError
from vgpipe.job.clip import Clip, Shot
from vgpipe.job.resolving.picks import name_of, only_picked, pick_name

PLAIN = Clip(
    id="x-1", prompt="a", negative_prompt="", seed=1, width=64, height=64, num_frames=17, fps=8.0,
    num_inference_steps=8, guidance_scale=3.0, model="shapes",
)  # fmt: skip


def test_size_and_quality_change_no_name():
    final = replace(PLAIN, id="x-2", num_inference_steps=30, guidance_scale=5.0, width=128, num_frames=33)
    assert name_of(final) == name_of(PLAIN)


@pytest.mark.parametrize(
    "other",
    [{"prompt": "b"}, {"negative_prompt": "b"}, {"seed": 2}, {"image_sha256": "0" * 64},
     {"last_image_sha256": "0" * 64}, {"video_sha256": "0" * 64},
     {"shots": (Shot(prompt="a", num_frames=9), Shot(prompt="b", num_frames=9))}],
)  # fmt: skip
def test_what_the_clip_shows_does(other):
    assert name_of(replace(PLAIN, **other)) != name_of(PLAIN)


@given(st.text(), st.text(), st.integers(0, 2**63 - 1), st.lists(st.text()))
def test_any_text_has_a_name(prompt, negative, seed, shots):
    name = pick_name(prompt, negative, seed, None, shots)
    assert len(name) == 9 and name[0] == "p" and int(name[1:], 16) >= 0


def test_only_what_is_picked_is_left_in_job_order():
    clips = [replace(PLAIN, seed=seed) for seed in range(5)]
    assert only_picked(clips, []) == tuple(clips)
    assert only_picked(clips, [name_of(clips[3]), name_of(clips[1])]) == (clips[1], clips[3])
    with pytest.raises(JobError, match="nothing was started") as caught:
        only_picked(clips, ["p00000000", name_of(clips[1])])
    assert "p00000000" in str(caught.value.faults[0]) and name_of(clips[1]) not in str(caught.value.faults[0])
