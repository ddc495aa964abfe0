"""Video files that jobs name: what they begin with, their digest, and what is wrong with them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from vgpipe.job.media_files import MediaFile, digest
from vgpipe.job.picture import PictureFault
from vgpipe.job.video import VIDEO, load_video

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(40)


def test_a_video_is_known_by_its_content_whatever_its_suffix(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(MP4)
    assert load_video("a.txt", tmp_path) == MediaFile(str(tmp_path / "a.txt"), hashlib.sha256(MP4).hexdigest())
    assert digest(tmp_path / "a.txt") == (MP4[:16], hashlib.sha256(MP4).hexdigest())


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (MP4, "mov"),
        (b"\x1aE\xdf\xa3webm", "matroska"),
        (b"RIFF\0\0\0\0AVI ", "avi"),
        (b"GIF89a", "gif"),
        (b"#EXTM3U\n", None),
        (b"ffconcat version 1.0", None),
        (b"", None),
    ],
)
def test_playlists_which_name_other_files_are_no_videos(head, name):
    assert VIDEO.container(head) == name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "video is empty -> write the path of a video file there"),
        ("http://x.org/a.mp4", 'video "http://x.org/a.mp4" is a URL -> download it first'),
        ("b.mp4", 'video "b.mp4" is not there; looked for'),
        (".", 'video "." is a folder -> there is video: a.mp4'),
        ("list.mp4", 'video "list.mp4" is not a video that can be read, whatever its name -> save it as MP4'),
        ("empty.mp4", 'video "empty.mp4" is an empty file'),
        ("pipe.mp4", 'video "pipe.mp4" is not a regular file -> save the video as a file'),
    ],
)
def test_what_is_no_video_is_named_with_what_to_do(tmp_path: Path, given, said):
    (tmp_path / "a.mp4").write_bytes(MP4)
    (tmp_path / "list.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    (tmp_path / "empty.mp4").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    found = load_video(given, tmp_path)
    assert isinstance(found, PictureFault) and f"{found.what} -> {found.remedy}".startswith(said)
