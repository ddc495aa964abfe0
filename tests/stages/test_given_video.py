"""The frames of a given video: which are taken, at which size, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.job.given_clips import clip_of
from vgpipe.clips.given_files import refuse_unreadable_files
from vgpipe.errors import ConfigError, ModelError
from vgpipe.exporters.ffmpeg import executable
from vgpipe.job.clip import Clip
from vgpipe.stages.given_video import check_video, read_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty frames of 48x96 at 10 fps without loss; frame i is of the grey 10 * i, with a white right half."""
    path = tmp_path_factory.mktemp("video") / "a.mkv"
    frames = np.repeat(np.arange(20, dtype=np.uint8) * 10, 96 * 48 * 3).reshape(20, 96, 48, 3)
    frames[:, :, 24:] = 255
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "48x96", "-r", "10", "-i", "pipe:0"]
    command = [executable(), "-y", "-loglevel", "error", *raw, "-c:v", "ffv1", "-pix_fmt", "bgr0", str(path)]
    subprocess.run(command, input=frames.tobytes(), check=True)
    return path


def clip_for(path: Path, **fields: object) -> Clip:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return clip_of(9, **{"video": str(path), "video_sha256": sha256, "fps": 10.0, "width": 48, "height": 96, **fields})


def greys(frames: np.ndarray) -> list[int]:
    return [round(int(frame[48, 4, 0]) / 10) for frame in frames]


@pytest.mark.parametrize(
    ("fields", "frames"),
    [
        ({"strength": 0.5}, list(range(9))),
        ({"strength": 0.5, "fps": 5.0}, list(range(0, 18, 2))),
        ({"strength": 0.5, "fps": 20.0}, [0, 0, 1, 1, 2, 2, 3, 3, 4]),
        ({"video_num_frames": 5}, [15, 16, 17, 18, 19]),
        ({"video_num_frames": 3, "fps": 5.0}, [15, 17, 19]),
        ({"video_num_frames": 1}, [19]),
    ],
)
def test_frames_are_taken_by_the_clips_own_rate(video, fields, frames):
    assert greys(read_video(clip_for(video, **fields))) == frames


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_another_shape_is_cropped_padded_or_stretched(video, fit):
    (frame,) = read_video(clip_for(video, video_num_frames=1, width=96, height=96, fit=fit))
    assert frame.shape == (96, 96, 3)
    assert (frame[48, 4, 0] == 0) == (fit == "contain") and (frame[48, 91, 0] == 0) == (fit == "contain")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"strength": 0.5, "fps": 2.0}, "lasts 2.00 s, which is 4 frames at 2 fps, and the clip takes 9 -> ask for"),
        ({"video_num_frames": 8, "fps": 2.0}, "and the clip takes 8 -> give a longer video"),
        ({"strength": 0.5, "video_sha256": "0" * 64}, "has changed since the job was read"),
    ],
)
def test_a_video_that_is_too_short_or_another_one_is_refused_before_the_start(video, fields, said):
    clip = clip_for(video, **fields)
    with pytest.raises(ModelError, match=said):
        check_video(clip)
    with pytest.raises(ConfigError, match="nothing was started") as caught:
        refuse_unreadable_files([clip_of(), clip, clip])
    assert len(caught.value.faults) == 1


def test_damaged_files_are_refused(video, tmp_path):
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(video.read_bytes()[:300])
    with pytest.raises(ModelError, match="cannot be read"):
        read_video(clip_for(cut, strength=0.5))
