"""mp4: H.264 by the ffmpeg that imageio-ffmpeg ships."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vgpipe.errors import ExportError
from vgpipe.exporters.joined import Frames

FILE = "video.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4Exporter:
    """Writes `video.mp4`: H.264, yuv420p, bt709, index at the front.

    Attributes:
        crf: 0 lossless to 51 worst.
        preset: x264's trade of time for size.
    """

    crf: int = 16
    preset: str = "medium"
    kind = "mp4"

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> None:
        """Streams the frames into ffmpeg, one at a time.

        Raises:
            ExportError: with ffmpeg's own words.
        """
        _, height, width, _ = frames_THWC.shape
        if height % 2 or width % 2:
            raise ExportError(f"H.264 needs even sides, not {width}x{height} -> exporter=frames")
        command = self._command(width, height, fps, folder / FILE)
        # stderr goes to a file: a full pipe nobody reads would block ffmpeg for ever.
        with tempfile.TemporaryFile() as words:
            status = _stream(command, frames_THWC, words)
            if status != 0:
                words.seek(0)
                said = words.read()[-2000:].decode("utf-8", "replace").strip()
                raise ExportError(f"ffmpeg failed (exit {status}): {said or 'it said nothing'}")

    def _command(self, width: int, height: int, fps: float, target: Path) -> list[str]:
        from imageio_ffmpeg import get_ffmpeg_exe

        rate = Fraction(fps).limit_denominator(1001)
        source = [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            str(rate),
            "-i",
            "-",
        ]
        # The scaler converts with bt601 unless told otherwise, which would shift every colour.
        colours = ["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"]
        tags = [
            "-colorspace",
            "bt709",
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-color_range",
            "tv",
        ]
        codec = ["-c:v", "libx264", "-crf", str(self.crf), "-preset", self.preset, "-pix_fmt", "yuv420p"]
        place = ["-movflags", "+faststart", "-an", "-y", str(target)]
        return [
            get_ffmpeg_exe(),
            "-hide_banner",
            "-loglevel",
            "error",
            *source,
            *colours,
            *tags,
            *codec,
            *place,
        ]


def _stream(command: list[str], frames_THWC: Frames, words: object) -> int:
    # A session of its own: Ctrl-C in the terminal must stop vgpipe in order, not kill its encoder.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=words,
        start_new_session=True,  # type: ignore[call-overload]
    )
    try:
        for frame_HWC in frames_THWC:
            process.stdin.write(np.ascontiguousarray(frame_HWC).tobytes())
        process.stdin.close()
    except OSError:
        pass  # ffmpeg has ended; its exit status and words say why
    except BaseException:
        process.kill()
        raise
    finally:
        status = process.wait()
    return int(status)
