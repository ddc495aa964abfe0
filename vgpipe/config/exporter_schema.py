"""The schema of the group `exporter`: one record for each kind of file."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field
from pydantic_core import PydanticCustomError

from vgpipe.config.limits import Fps, record

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]


@record
class VideoConfig:
    """The settings that every video exporter has in addition to its own."""

    fps: Fps | None = None
    """Frames per second of the file where they differ from the clip's; null: the clip's."""
    interpolate: Literal["minterpolate"] | None = None
    """How frames are interpolated where `fps` is set: `minterpolate` is ffmpeg's motion estimation; null repeats or
    drops whole frames."""
    upscale_height: Annotated[int, Field(ge=16, le=8640, multiple_of=2)] | None = None
    """Height of the file, pixels, by Lanczos; the width follows. Not together with `upscale_factor`."""
    upscale_factor: Annotated[float, Field(gt=0, le=16, allow_inf_nan=False)] | None = None
    """Factor of the clip's sides, by Lanczos; null: unchanged."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 300.0
    """Seconds without progress after which ffmpeg counts as stuck and is ended. Changes no bits."""

    def __post_init__(self) -> None:
        if self.interpolate and self.fps is None:
            raise PydanticCustomError("needs_fps", "interpolate needs exporter.fps, the rate to reach")
        if self.upscale_height and self.upscale_factor:
            raise PydanticCustomError("two_sizes", "either upscale_height or upscale_factor, not both")


@record
class Mp4Config(VideoConfig):
    """H.264 in MP4."""

    name: Literal["mp4"] = "mp4"
    crf: Annotated[int, Field(ge=0, le=51)] = 16
    """Constant rate factor: 0 lossless, 51 worst."""
    preset: Preset = "medium"
    """x264's trade-off of time and size."""
    encoder: Literal["h264_nvenc", "h264_qsv", "h264_vaapi", "h264_videotoolbox"] | None = None
    """A hardware encoder to try first, tested with a few frames; null: libx264."""


@record
class HevcConfig(VideoConfig):
    """H.265 in MP4."""

    name: Literal["mp4_hevc"] = "mp4_hevc"
    crf: Annotated[int, Field(ge=0, le=51)] = 18
    """Constant rate factor: 0 best, 51 worst."""
    preset: Preset = "medium"
    """x265's trade-off of time and size."""
    encoder: Literal["hevc_nvenc", "hevc_qsv", "hevc_vaapi", "hevc_videotoolbox"] | None = None
    """A hardware encoder to try first, tested with a few frames; null: libx265."""


@record
class WebmConfig(VideoConfig):
    """VP9 in WebM."""

    name: Literal["webm"] = "webm"
    crf: Annotated[int, Field(ge=0, le=63)] = 24
    """Constant rate factor: 0 best, 63 worst."""
    speed: Annotated[int, Field(ge=0, le=8)] = 2
    """0 slow and small, 8 fast."""


@record
class Av1Config(VideoConfig):
    """AV1 in MP4."""

    name: Literal["av1"] = "av1"
    crf: Annotated[int, Field(ge=1, le=63)] = 24
    """Constant rate factor: 1 best, 63 worst."""
    preset: Annotated[int, Field(ge=0, le=13)] = 6
    """0 slow and small, 13 fast."""
    encoder: Literal["av1_nvenc", "av1_qsv", "av1_vaapi"] | None = None
    """A hardware encoder to try first, tested with a few frames; null: SVT-AV1."""


@record
class ProresConfig(VideoConfig):
    """ProRes 422 HQ in QuickTime."""

    name: Literal["mov_prores"] = "mov_prores"


@record
class Ffv1Config(VideoConfig):
    """FFV1 RGB in Matroska, lossless."""

    name: Literal["ffv1"] = "ffv1"


@record
class GifConfig(VideoConfig):
    """GIF."""

    name: Literal["gif"] = "gif"
    dither: Literal["bayer", "sierra2_4a", "none"] = "sierra2_4a"
    """How colours between those of the palette are shown."""


@record
class WebpConfig(VideoConfig):
    """Animated WebP."""

    name: Literal["webp"] = "webp"
    quality: Annotated[int, Field(ge=0, le=100)] = 90
    """0 smallest, 100 best."""


@record
class ApngConfig(VideoConfig):
    """Animated PNG, lossless."""

    name: Literal["apng"] = "apng"


@record
class FramesConfig:
    """One image per frame."""

    name: Literal["frames"] = "frames"
    compress_level: Annotated[int, Field(ge=0, le=9)] = 6
    """zlib level of PNG: 0 none, 9 smallest."""
    image_format: Literal["png", "jpg"] = "png"
    """PNG is lossless."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    """Of JPEG: 1 smallest, 100 best."""


@record
class LastFrameConfig:
    """The last frame, as a PNG."""

    name: Literal["last_frame"] = "last_frame"


@record
class SheetConfig:
    """One PNG with frames of the clip side by side."""

    name: Literal["sheet"] = "sheet"
    columns: Annotated[int, Field(ge=1, le=32)] = 4
    """Frames in a row."""
    rows: Annotated[int, Field(ge=1, le=32)] = 4
    """Rows, at most."""
    frame_width: Annotated[int, Field(ge=16, le=4096)] = 320
    """Pixels of a frame in it, at most."""


AnyExporter = (
    Mp4Config
    | HevcConfig
    | WebmConfig
    | Av1Config
    | ProresConfig
    | Ffv1Config
    | GifConfig
    | WebpConfig
    | ApngConfig
    | FramesConfig
    | LastFrameConfig
    | SheetConfig
)
ExporterConfig = Annotated[AnyExporter, Field(discriminator="name")]
EXPORTERS: tuple[str, ...] = tuple(config.name for config in get_args(AnyExporter))
