"""A clip of benchmarks/checks.py, and how it comes back from H.264."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe


@dataclass(frozen=True)
class Made:
    """One clip.

    Attributes:
        name: what it is called in lists.
        kind: what it was made to be.
        frames_THWC: uint8.
        prompt: what it might have been asked for.
        is_canary: whether it has few denoising steps.
        expects: the checks that may find the fault; none for a good clip.
        wanted: width, height and frames that were asked for; None where it is as it was asked for.
    """

    name: str
    kind: str
    frames_THWC: np.ndarray  # noqa: N815 (a shape)
    prompt: str = ""
    is_canary: bool = False
    expects: tuple[str, ...] = ()
    wanted: tuple[int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int, int]:
        """Width, height and frames as asked for."""
        frames, height, width, _ = self.frames_THWC.shape
        return self.wanted or (width, height, frames)


def through_h264(clip: Made, crf: int = 18) -> Made:
    """Returns a clip as it comes back from H.264 in 4:2:0; odd sides lose a row."""
    frames_THWC = clip.frames_THWC[:, : clip.frames_THWC.shape[1] // 2 * 2, : clip.frames_THWC.shape[2] // 2 * 2]
    _, height, width, _ = frames_THWC.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", "16"]
    x264 = ["-c:v", "libx264", "-crf", str(crf), "-preset", "medium", "-pix_fmt", "yuv420p", "-threads", "1"]
    pack = [get_ffmpeg_exe(), "-v", "error", *raw, "-i", "-", *x264, "-f", "matroska", "-"]
    unpack = [get_ffmpeg_exe(), "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    packed = subprocess.run(pack, input=np.ascontiguousarray(frames_THWC).tobytes(), capture_output=True, check=True)
    plain = subprocess.run(unpack, input=packed.stdout, capture_output=True, check=True).stdout
    back_THWC = np.frombuffer(plain, np.uint8).reshape(-1, height, width, 3)
    even = (clip.size[0] // 2 * 2, clip.size[1] // 2 * 2, clip.size[2])
    return replace(clip, frames_THWC=back_THWC, name=f"{clip.name}-h264", wanted=even)
