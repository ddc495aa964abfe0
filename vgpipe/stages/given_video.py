"""The frames of a video that a clip continues or restyles, read by ffmpeg.

The file may be anybody's: ffmpeg is given its container rather than guesses it, opens neither playlists nor other
files, and has the decoders of a few codecs and limits to time, memory and what is read of its answer. ffmpeg is asked
twice: when each frame is shown, and for those that the clip takes.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import EncoderError, ModelError
from vgpipe.job.clip import Clip
from vgpipe.job.settings import Fit
from vgpipe.job.video import VIDEO
from vgpipe.stages.given_media import checked_media
from vgpipe.units import MIB

if TYPE_CHECKING:
    import numpy as np

VERSION = 1
"""Part of the keys of clips that are given a video: goes up where other frames of it are taken, or others are made."""
CODECS = (
    "h264 hevc av1 libdav1d libaom-av1 vp8 vp9 libvpx libvpx-vp9 mpeg4 mpeg2video mjpeg prores dnxhd ffv1 huffyuv "
    "ffvhuff utvideo png rawvideo gif"
)
MAX_FRAMES = 200_000
MAX_PIXELS = 8192 * 8192
MAX_LINE_BYTES = 120
MAX_MEMORY_BYTES = 4096 * MIB
TIMEOUT_S = 600.0
NEXT_FRAME = Fraction(1, 1000)
"""Seconds that a frame may be shown later than it is asked for: rates such as 29.97 are rounded in files."""
_TIME_BASE = re.compile(rb"#tb 0: (\d+)/(\d+)")
_SCALE = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
_FITS: dict[Fit, str] = {
    "cover": f"scale={{0}}:{{1}}:force_original_aspect_ratio=increase:{_SCALE},crop={{0}}:{{1}}",
    "contain": f"scale={{0}}:{{1}}:force_original_aspect_ratio=decrease:{_SCALE},pad={{0}}:{{1}}:(ow-iw)/2:(oh-ih)/2",
    "stretch": f"scale={{0}}:{{1}}:{_SCALE}",
}


def read_video(clip: Clip) -> np.ndarray:
    """Reads the frames that a clip takes of its video, uint8 (N, H, W, 3) at the clip's size and rate.

    A clip that continues the video takes `video_num_frames` that end with its last one, a clip that restyles it as many
    as it has from the first on. A frame that a lower rate of the video lacks is the one before.

    Raises:
        ModelError: where the file has gone or changed since the job was read, cannot be decoded, or is too short.
    """
    import numpy as np

    path, name = checked_media(VIDEO, clip.video or "", clip.video_sha256)
    places = _places(clip, _times(clip, path, name))
    wanted = sorted(set(places))
    chosen = "+".join(f"eq(n\\,{place})" for place in wanted)
    fit = _FITS[clip.fit or "cover"].format(clip.width, clip.height)
    filters = f"select={chosen},scale=iw*sar:ih,{fit},setsar=1"
    size = clip.width * clip.height * 3
    output = ["-vf", filters, "-frames:v", str(len(wanted)), "-pix_fmt", "rgb24", "-f", "rawvideo"]
    data = _asked(clip, path, name, output, size * len(wanted))
    if len(data) != size * len(wanted):
        raise ModelError(f"{clip.video} cannot be read: {len(data) // size} of {len(wanted)} frames can be decoded")
    frames_NHWC = np.frombuffer(data, np.uint8).reshape(len(wanted), clip.height, clip.width, 3)
    return frames_NHWC[[wanted.index(place) for place in places]]


def check_video(clip: Clip) -> None:
    """Checks that the frames that a clip takes of its video are there; decodes it, but scales none of it.

    Raises:
        ModelError: where the file has gone or changed since the job was read, cannot be decoded, or is too short.
    """
    path, name = checked_media(VIDEO, clip.video or "", clip.video_sha256)
    _places(clip, _times(clip, path, name))


def _times(clip: Clip, path: Path, name: str) -> list[Fraction]:
    """Returns when each frame of the video is shown, seconds, rising."""
    output = ["-enc_time_base", "1:90000", "-f", "framecrc"]
    lines = _asked(clip, path, name, output, MAX_FRAMES * MAX_LINE_BYTES).splitlines()
    bases = [found for line in lines if (found := _TIME_BASE.match(line))]
    base = Fraction(int(bases[0][1]), int(bases[0][2])) if bases and int(bases[0][2]) else Fraction(1)
    stamps = [int(line.split(b",")[2]) for line in lines if line[:1].isdigit()]
    if not stamps:
        raise ModelError(f"{clip.video} cannot be read: there is no frame that can be decoded")
    return [base * stamp for stamp in sorted(stamps)]


def _places(clip: Clip, times: Sequence[Fraction]) -> list[int]:
    """Returns which frames of the video the clip takes, by their numbers."""
    rate = Fraction(clip.fps).limit_denominator(100_000)
    count = clip.video_num_frames or clip.num_frames
    begin = times[0] if clip.video_num_frames is None else times[-1] - (count - 1) / rate
    apart = (times[-1] - times[0]) / max(1, len(times) - 1)
    lasts = times[-1] - times[0] + apart
    if begin < times[0] - NEXT_FRAME or count / rate > lasts + 1 / rate + NEXT_FRAME:
        has = max(1, int(lasts * rate))
        what = f"{clip.video} lasts {float(lasts):.2f} s, which is {has} frames at {clip.fps:g} fps"
        raise ModelError(f"{what}, and the clip takes {count} -> {_remedy(clip)}")
    return [bisect_right(times, begin + place / rate + NEXT_FRAME) - 1 for place in range(count)]


def _remedy(clip: Clip) -> str:
    if clip.video_num_frames is None:
        return "ask for fewer num_frames, or a higher fps"
    return "give a longer video, or its last frame as `image`"


def _asked(clip: Clip, path: Path, name: str, output: Sequence[str], max_bytes: int) -> bytes:
    from vgpipe.exporters.ffmpeg import answer

    arguments = [
        *("-nostdin", "-protocol_whitelist", "file", "-format_whitelist", name, "-f", name),
        *("-codec_whitelist", CODECS.replace(" ", ","), "-max_pixels", str(MAX_PIXELS)),
        *("-i", f"file:{path}", "-map", "0:v:0", "-an", "-sn", "-dn", "-fps_mode", "passthrough"),
        *(*output, "pipe:1"),
    ]
    try:
        return answer(arguments, max_bytes=max_bytes, timeout_s=TIMEOUT_S, max_memory_bytes=MAX_MEMORY_BYTES)
    except EncoderError as error:
        raise ModelError(f"{clip.video} cannot be read: {error}") from error
