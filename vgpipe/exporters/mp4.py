"""mp4: H.264, or what stands in for it, by ffmpeg."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vgpipe.exporters.hardware_encoders import HardwareVideo, bits_per_s
from vgpipe.exporters.video import BT709_TAGS, TO_BT601, Picture

FILE = "video.mp4"
X264 = "libx264"
# MPEG-4 streams do not say their matrix, and players then take this one.
BT601_TAGS = ("-colorspace", "smpte170m", *BT709_TAGS[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4Exporter(HardwareVideo):
    """Writes `video.mp4`: H.264, yuv420p, bt709, index at the front.

    Attributes:
        crf: 0 lossless to 51 worst; other encoders than libx264 get what comes near.
        preset: x264's trade of time for size.
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
        """Returns ffmpeg's arguments for how well the encoder does."""
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
