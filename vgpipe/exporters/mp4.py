"""mp4: H.264, or what stands in for it, by ffmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vgpipe.exporters.video import BT709_TAGS, TO_BT601, Picture, VideoExporter

FILE = "video.mp4"
X264 = "libx264"
HARDWARE = ("h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox")
# MPEG-4 streams do not say their matrix, and players then take this one.
BT601_TAGS = ("-colorspace", "smpte170m", *BT709_TAGS[2:])
RENDER_NODE = "/dev/dri/renderD128"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4Exporter(VideoExporter):
    """Writes `video.mp4`: H.264, yuv420p, bt709, index at the front.

    Attributes:
        crf: 0 lossless to 51 worst; other encoders than libx264 get what comes near.
        preset: x264's trade of time for size.
        encoder: ffmpeg's name of it; None for libx264.
    """

    crf: int = 16
    preset: str = "medium"
    encoder: str | None = None
    kind: ClassVar[str] = "mp4"
    file: ClassVar[str] = FILE
    halves_colour: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The kind and its encoder."""
        return f"{self.kind} ({self.encoder or X264})"

    def before_input(self) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's device."""
        return ["-vaapi_device", RENDER_NODE] if self.encoder == "h264_vaapi" else []

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters and colours."""
        if self.encoder == "mpeg4":
            return ["-vf", ",".join([*post, TO_BT601]), *BT601_TAGS]
        arguments = VideoExporter.filters(self, picture, post)
        if self.encoder == "h264_vaapi":
            arguments[1] += ",format=nv12,hwupload"
        return arguments

    def codec(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for encoder and container."""
        encoder = self.encoder or X264
        pixels = {"h264_vaapi": [], "h264_qsv": ["-pix_fmt", "nv12"]}.get(encoder, ["-pix_fmt", "yuv420p"])
        return ["-c:v", encoder, *self._quality(encoder, picture), *pixels, "-movflags", "+faststart"]

    def _quality(self, encoder: str, picture: Picture) -> list[str]:
        bits = str(_bits_per_s(picture, self.crf))
        return {
            X264: ["-crf", str(self.crf), "-preset", self.preset],
            "libopenh264": ["-rc_mode", "bitrate", "-b:v", bits, "-allow_skip_frames", "0"],
            "mpeg4": ["-q:v", str(max(2, self.crf // 6)), "-tag:v", "mp4v"],
            "h264_nvenc": ["-rc", "vbr", "-cq", str(self.crf), "-b:v", "0"],
            "h264_qsv": ["-global_quality", str(max(1, self.crf))],
            "h264_vaapi": ["-rc_mode", "CQP", "-qp", str(self.crf)],
            "h264_videotoolbox": ["-b:v", bits],
        }[encoder]


def _bits_per_s(picture: Picture, crf: int) -> int:
    """Returns a bit rate for encoders that know no constant quality; 6 steps of crf halve it."""
    pixels_per_s = picture.width * picture.height * float(picture.rate)
    return max(200_000, int(pixels_per_s * 0.3 * 2 ** ((16 - crf) / 6)))
