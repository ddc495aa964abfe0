"""The other kinds of video, one small class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vgpipe.exporters.hardware_encoders import HardwareVideo
from vgpipe.exporters.video import FASTSTART, TO_BT601, Picture, VideoExporter
from vgpipe.units import GIB

SAME_BYTES = ("-fflags", "+bitexact")  # Matroska has a random id otherwise
PALETTE_BUFFER_BYTES = GIB


@dataclass(frozen=True, slots=True, kw_only=True)
class HevcExporter(HardwareVideo):
    """Writes H.265 in MP4, tagged hvc1 for Apple's players."""

    crf: int = 18
    preset: str = "medium"
    kind: ClassVar[str] = "mp4_hevc"
    file: ClassVar[str] = "video.mp4"
    codec_name: ClassVar[str] = "libx265"
    container: ClassVar[tuple[str, ...]] = ("-tag:v", "hvc1", *FASTSTART)

    def quality(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the quality of libx265."""
        return ["-crf", str(self.crf), "-preset", self.preset, "-x265-params", "log-level=error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebmExporter(VideoExporter):
    """Writes VP9 in WebM."""

    crf: int = 24
    speed: int = 2
    kind: ClassVar[str] = "webm"
    file: ClassVar[str] = "video.webm"
    codec_name: ClassVar[str] = "libvpx-vp9"
    halves_colour: ClassVar[bool] = True

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        quality = ["-crf", str(self.crf), "-b:v", "0", "-deadline", "good", "-cpu-used", str(self.speed)]
        return [*quality, "-row-mt", "1", "-pix_fmt", "yuv420p", *SAME_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Av1Exporter(HardwareVideo):
    """Writes AV1 in MP4."""

    crf: int = 24
    preset: int = 6
    kind: ClassVar[str] = "av1"
    file: ClassVar[str] = "video.mp4"
    codec_name: ClassVar[str] = "libsvtav1"

    def quality(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the quality of SVT-AV1."""
        return ["-crf", str(self.crf), "-preset", str(self.preset)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProresExporter(VideoExporter):
    """Writes ProRes 422 HQ, 10 bit, in QuickTime."""

    kind: ClassVar[str] = "mov_prores"
    file: ClassVar[str] = "video.mov"
    codec_name: ClassVar[str] = "prores_ks"
    halves_colour: ClassVar[bool] = True

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        profile = ["-profile:v", "3", "-vendor", "apl0"]
        return [*profile, "-pix_fmt", "yuv422p10le", *FASTSTART]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ffv1Exporter(VideoExporter):
    """Writes FFV1 in Matroska; the frames are lossless."""

    kind: ClassVar[str] = "ffv1"
    file: ClassVar[str] = "video.mkv"
    codec_name: ClassVar[str] = "ffv1"

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        return ["-level", "3", "-slicecrc", "1", "-pix_fmt", "bgr0", *SAME_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class GifExporter(VideoExporter):
    """Writes a GIF with a palette computed from the clip."""

    dither: str = "sierra2_4a"
    kind: ClassVar[str] = "gif"
    file: ClassVar[str] = "video.gif"
    codec_name: ClassVar[str] = "gif"

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters: one palette, or one per frame to bound memory."""
        held_bytes = picture.width * picture.height * picture.num_frames * 4
        own, new = ("", "") if held_bytes <= PALETTE_BUFFER_BYTES else (":stats_mode=single", ":new=1")
        make = f"[a]palettegen=reserve_transparent=0{own}[p]"
        use = f"[b][p]paletteuse=dither={self.dither}{new}"
        return ["-vf", ";".join([",".join([*post, "split[a][b]"]), make, use])]

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        return ["-loop", "0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebpExporter(VideoExporter):
    """Writes an animated WebP of complete frames.

    libwebp's animation encoder (`libwebp_anim`) reuses what changes little from the previous frame, and with it the
    coloured fringes of edges that have moved.
    """

    quality: int = 90
    kind: ClassVar[str] = "webp"
    file: ClassVar[str] = "video.webp"
    codec_name: ClassVar[str] = "libwebp"

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters and colours: WebP uses the matrix of bt601."""
        return ["-vf", ",".join([*post, TO_BT601])]

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        return ["-quality", str(self.quality), "-pix_fmt", "yuv420p", "-loop", "0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApngExporter(VideoExporter):
    """Writes an animated PNG; the frames are lossless."""

    kind: ClassVar[str] = "apng"
    file: ClassVar[str] = "video.png"
    codec_name: ClassVar[str] = "apng"

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        return ["-pix_fmt", "rgb24", "-plays", "0", "-f", "apng"]
