"""What entries are given that their model takes none of, or their clips have no place for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.job.test_video import MP4
from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import JobError
from vgpipe.job.clip import Clip

WAN, VACE = "model=wan21_t2v_1_3b", "model=wan21_vace_1_3b"
SIZE = ("clip.prompt=x", "clip.width=256", "clip.height=256", "clip.num_frames=17")


@pytest.fixture
def clip_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clip]:
    """Resolves a clip as the command line does, beside an image and what passes for a video."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 32)).save("a.png")
    Path("a.mp4").write_bytes(MP4)
    return lambda *overrides: request(load([*SIZE, *overrides])).clips[0]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((WAN, "clip.last_image=a.png"), 'clip.last_image: last_image "a.png": the model wan21_t2v_1_3b makes videos'),
        (("model=wan22_ti2v_5b", "clip.image=a.png", "clip.last_image=a.png"), "takes no last_image"),
        (("model=mochi_1_preview", "clip.video=a.mp4"), "takes no video -> remove it, or choose"),
        ((WAN, "clip.video=a.mp4"), "cannot continue a video -> set strength, for example 0.7, to have it restyled"),
        ((VACE, "clip.video=a.mp4", "clip.strength=0.5"), "cannot restyle a video -> leave strength out"),
        ((VACE, "clip.video=a.mp4", "clip.image=a.png"), "`image` is set, too, beside a video whose end"),
        ((WAN, "clip.strength=0.5"), "strength says how much of a video is changed, and there is no video"),
        ((WAN, "clip.video=a.mp4", "clip.strength=0.01"), "of 50 steps that is none -> at least strength: 0.02"),
        ((WAN, "clip.video=a.mp4", "clip.strength=0.5", "clip.num_frames=161"), "a video is restyled at once"),
        ((VACE, "clip.last_image=a.png", "clip.num_frames=161", "clip.continuation=window"), "is made in windows"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(clip_of, overrides, said):
    with pytest.raises(JobError) as caught:
        clip_of(*overrides)
    assert said in str(caught.value.faults[0])


def test_a_last_image_that_would_be_cut_off_is_refused_with_the_next_length(clip_of):
    long = ("model.rules.images=never", "clip.segment_num_frames=17", "clip.last_image=a.png", "clip.image=a.png")
    with pytest.raises(JobError, match="1 fault") as caught:
        clip_of(VACE, *long, "clip.num_frames=34")
    longer = str(caught.value.faults[0]).rpartition("num_frames: ")[2]
    assert clip_of(VACE, *long, f"clip.num_frames={longer}").last_image is not None


def test_a_video_is_continued_from_as_many_frames_as_a_segment_is(clip_of):
    clip = clip_of(VACE, "clip.video=a.mp4")
    assert (clip.video_num_frames, clip.strength, clip.fit) == (5, None, "cover")
    assert clip_of("model=wan22_ti2v_5b", "clip.video=a.mp4").video_num_frames == 1


def test_a_restyled_video_skips_the_first_steps(clip_of):
    clip = clip_of(WAN, "clip.video=a.mp4", "clip.strength=0.7")
    assert (clip.strength, clip.video_num_frames, clip.skipped_steps) == (0.7, None, 15)


def test_how_a_picture_is_fitted_names_the_clip_only_where_it_has_another_size(clip_of):
    covered, padded = (clip_of(VACE, "clip.image=a.png", f"clip.fit={fit}") for fit in ("cover", "contain"))
    assert (covered.fit, padded.fit) == ("cover", "contain") and covered.id != padded.id
    size = ("clip.width=64", "clip.height=32", "model.rules.min_side=16")
    same = [clip_of(VACE, "clip.image=a.png", *size, *fit) for fit in ((), ("clip.fit=contain",))]
    assert [clip.fit for clip in same] == [None, None] and same[0].id == same[1].id
