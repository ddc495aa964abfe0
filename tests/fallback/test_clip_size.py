"""Smaller clips: always ones that the model can make, and never below the floor."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.clips.test_clip_record import PLAIN
from vgpipe.fallback.clip_size import smaller
from vgpipe.job.clip import Continuation
from vgpipe.job.rules import ShapeRules

RULES = ShapeRules(side_multiple=16, min_side=64, max_side=1280, frames_step=4, frames_offset=1, max_num_frames=129)


def test_frames_go_first_then_pixels_then_nothing():
    clip, told = replace(PLAIN, width=832, height=480, num_frames=81), []
    while (clip := smaller(clip, RULES, floor_num_frames=33, floor_side=240)) is not None:
        told.append((clip.width, clip.height, clip.num_frames))
    assert told == [(832, 480, 57), (832, 480, 41), (624, 352, 41), (464, 256, 41)]


@given(
    st.integers(0, 32).map(lambda steps: 1 + 4 * steps),
    st.integers(4, 80),
    st.integers(4, 80),
    st.integers(1, 40),
    st.integers(64, 400),
)
def test_what_comes_out_can_be_made_and_keeps_the_floor(num_frames, wide, high, floor_frames, floor_side):
    clip = replace(PLAIN, width=wide * 16, height=high * 16, num_frames=num_frames)
    less = smaller(clip, RULES, floor_num_frames=floor_frames, floor_side=floor_side)
    if less is None:
        return
    assert RULES.allows_num_frames(less.num_frames) and RULES.allows_side(less.width) and RULES.allows_side(less.height)
    volume = [one.width * one.height * one.num_frames for one in (clip, less)]
    assert volume[1] < volume[0] and less.id == clip.id
    assert less.num_frames == num_frames or less.num_frames >= floor_frames
    assert less.width == clip.width or min(less.width, less.height) >= floor_side


def test_a_long_clip_keeps_its_length_in_shorter_segments():
    how = Continuation(
        method="window", segment_num_frames=81, min_segment_num_frames=33, overlap_num_frames=40, frames_step=4,
        frames_offset=1, num_inference_steps=2, match_color=True,
    )  # fmt: skip
    clip, told = replace(PLAIN, width=832, height=480, num_frames=400, continuation=how), []
    while (clip := smaller(clip, RULES, floor_num_frames=33, floor_side=240)) is not None:
        told.append((clip.width, clip.continuation.segment_num_frames, clip.continuation.overlap_num_frames))
        assert clip.num_frames == 400
    assert told == [(832, 57, 28), (832, 41, 20), (624, 41, 20), (464, 41, 20)]
