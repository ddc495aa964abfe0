"""Which segment of a long clip shows an image."""

from __future__ import annotations

from dataclasses import replace

from tests.job.given_clips import CHAIN, at, clip_of
from vgpipe.job.clip import Shot
from vgpipe.job.segments import segments_of


def test_each_image_is_shown_by_the_first_segment_that_makes_its_frame():
    # Segments of 17 frames that share 5: they make 0-16, 12-28 and 24-40.
    clip = clip_of(41, continuation=CHAIN, image="/0.png", last_image="/40.png", images=(at(3), at(14), at(20)))
    one, two, three = (segment.clip for segment in segments_of(clip))
    assert (one.image, one.last_image, [(at.frame, at.image) for at in one.images]) == (
        "/0.png", None, [(3, "/3.png"), (14, "/14.png")],
    )  # fmt: skip
    assert (two.image, two.last_image, [(at.frame, at.image) for at in two.images]) == (None, None, [(8, "/20.png")])
    assert (three.image, three.last_image, three.images) == (None, "/40.png", ())


def test_an_image_on_the_last_frame_of_a_segment_ends_it_and_one_after_a_cut_begins_it():
    shots = (Shot(prompt="a", num_frames=17), Shot(prompt="b", num_frames=17, cut=True))
    clip = clip_of(34, continuation=CHAIN, shots=shots, images=(at(16), at(17)))
    one, two = (segment.clip for segment in segments_of(clip))
    assert (one.last_image, one.images) == ("/16.png", ()) and (two.image, two.images) == ("/17.png", ())


def test_the_last_image_of_a_pass_that_is_cut_off_is_where_the_clip_ends():
    (one,) = (segment.clip for segment in segments_of(clip_of(15, continuation=CHAIN, last_image="/14.png")))
    assert one.num_frames == 17 and one.last_image is None and [image.frame for image in one.images] == [14]


def test_a_video_is_continued_by_the_first_segment_alone():
    clip = clip_of(29, continuation=CHAIN, video="/a.mp4", video_sha256="0" * 64, video_num_frames=5, fit="cover")
    assert [segment.clip.video_num_frames for segment in segments_of(clip)] == [5, None]
    assert segments_of(replace(clip, video=None, video_num_frames=None))[0].clip.video is None
