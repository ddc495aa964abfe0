"""ffmpeg's arguments for the hardware encoders of graphics cards. None of them was ever run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vgpipe.exporters.video import FASTSTART, Picture, VideoExporter

FAMILIES = ("nvenc", "qsv", "vaapi", "videotoolbox")
"""NVIDIA, Intel, Intel and AMD on Linux, Apple; an encoder's name is like `h264_nvenc`."""
RENDER_NODE = "/dev/dri/renderD128"
MOST_H26X, MOST_AV1, MOST_AV1_VAAPI = 51, 63, 255  # worst quality on their scales


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareVideo(VideoExporter):
    """Streams frames into a software encoder or its hardware counterpart.

    Attributes:
        crf: of the software encoder; others get the nearest setting.
        encoder: ffmpeg's name of it; None for the software encoder.
    """

    crf: int
    encoder: str | None = None
    container: ClassVar[tuple[str, ...]] = FASTSTART
    halves_colour: ClassVar[bool] = True

    @property
    def encoder_name(self) -> str:
        """The encoder's name in ffmpeg."""
        return self.encoder or self.codec_name

    @property
    def family(self) -> str | None:
        """The family of its hardware encoder; None for a software encoder."""
        found = (self.encoder or "").rpartition("_")[2]
        return found if found in FAMILIES else None

    def before_input(self) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's device."""
        return ["-vaapi_device", RENDER_NODE] if self.family == "vaapi" else []

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters and colours."""
        arguments = VideoExporter.filters(self, picture, post)
        if self.family == "vaapi":
            arguments[1] += ",format=nv12,hwupload"
        return arguments

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        quality = self.hardware_quality(picture) if self.family else self.quality(picture)
        pixels = {"vaapi": [], "qsv": ["-pix_fmt", "nv12"]}.get(self.family or "", ["-pix_fmt", "yuv420p"])
        return [*quality, *pixels, *self.container]

    def _most_memory_bytes(self, pixels: int) -> int | None:
        # What a driver allocates for its card is unknown.
        return VideoExporter._most_memory_bytes(self, pixels) if self.family is None else None

    def quality(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the quality of the software encoder."""
        raise NotImplementedError

    def hardware_quality(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the quality of a hardware encoder."""
        is_av1 = (self.encoder or "").startswith("av1")
        crf = min(self.crf, MOST_H26X)  # AV1's scale ends at 63, or at 51 in older ffmpegs and on Intel's cards
        of_av1 = ["-global_quality", str(round(self.crf * MOST_AV1_VAAPI / MOST_AV1))]
        constant = of_av1 if is_av1 else ["-qp", str(crf)]
        return {
            "nvenc": ["-rc", "vbr", "-cq", str(crf), "-b:v", "0"],
            "qsv": ["-global_quality", str(max(1, crf))],
            "vaapi": ["-rc_mode", "CQP", *constant],
            "videotoolbox": ["-b:v", str(bits_per_s(picture, self.crf))],
        }[self.family or ""]


def bits_per_s(picture: Picture, crf: int) -> int:
    """Returns a bit rate for encoders without constant quality; 6 steps of crf halve it.

    Args:
        picture: of the file.
        crf: on x264's scale.
    """
    pixels_per_s = picture.width * picture.height * float(picture.rate)
    return max(200_000, int(pixels_per_s * 0.3 * 2 ** ((16 - crf) / 6)))
