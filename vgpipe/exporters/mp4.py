"""mp4: H.264 or its fallbacks, by ffmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vgpipe.exporters.hardware_encoders import HardwareVideo, bits_per_s
from vgpipe.exporters.video import BT709_TAGS, TO_BT601, Picture

FILE = "video.mp4"
X264 = "libx264"
# MPEG-4 streams do not state their colour matrix, and players assume this one.
BT601_TAGS = ("-colorspace", "smpte170m", *BT709_TAGS[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4Exporter(HardwareVideo):
    """Writes `video.mp4`: H.264, yuv420p, bt709, index at the front.

    Attributes:
        crf: 0 (lossless) to 51 (worst); encoders other than libx264 get the nearest setting.
        preset: x264's trade-off of time and size.
        encoder: ffmpeg's name of it; None for libx264.
    """

    crf: int = 16
    preset: str = "medium"
    kind: ClassVar[str] = "mp4"
    file: ClassVar[str] = FILE
    codec_name: ClassVar[str] = X264

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters and colours."""
        if self.encoder == "mpeg4":
            return ["-vf", ",".join([*post, TO_BT601]), *BT601_TAGS]
        return HardwareVideo.filters(self, picture, post)

    def quality(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the quality of the encoder."""
        return {
            X264: ["-crf", str(self.crf), "-preset", self.preset],
            "libopenh264": [
                "-rc_mode",
                "bitrate",
                "-b:v",
                str(bits_per_s(picture, self.crf)),
                "-allow_skip_frames",
                "0",
            ],
            "mpeg4": ["-q:v", str(max(2, self.crf // 6)), "-tag:v", "mp4v"],
        }[self.encoder or X264]
