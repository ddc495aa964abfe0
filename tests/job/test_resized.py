"""A clip at another size keeps what it is given, at the same share of its time."""

from __future__ import annotations

from tests.job.given_clips import at, clip_of
from vgpipe.job.resized import resized


def test_images_stay_at_their_share_of_the_time_and_never_on_the_first_or_last_frame():
    clip = clip_of(17, images=(at(1), at(8), at(15)), image="/a.png")
    less = resized(clip, width=64, height=32, num_frames=9)
    assert [(one.frame, one.image) for one in less.images] == [(4, "/8.png")] and less.fit is None
    assert [one.frame for one in resized(clip, width=64, height=32, num_frames=33).images] == [2, 16, 30]


def test_a_smaller_picture_is_cropped_from_images_that_had_the_clips_size():
    assert resized(clip_of(image="/a.png"), width=32, height=32, num_frames=17).fit == "cover"
    assert resized(clip_of(image="/a.png", fit="contain"), width=32, height=32, num_frames=17).fit == "contain"
    assert resized(clip_of(), width=32, height=32, num_frames=17).fit is None


def test_a_clip_that_gets_too_short_continues_a_video_from_its_last_frame():
    clip = clip_of(17, video="/a.mp4", video_num_frames=9)
    assert resized(clip, width=64, height=32, num_frames=13).video_num_frames == 9
    assert resized(clip, width=64, height=32, num_frames=9).video_num_frames == 1
