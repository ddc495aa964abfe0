"""The base of all video exporters: sizes, rates and filters; a kind adds its codec.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vgpipe.errors import EncoderError, ExportError
from vgpipe.exporters.bounds import encoder_memory_bytes
from vgpipe.exporters.embed import COPIES, embed_text
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.ffmetadata import Tags, tags
from vgpipe.exporters.ffmpeg import pipe
from vgpipe.exporters.joined_frames import Frames
from vgpipe.exporters.rates import MAX_FPS
from vgpipe.exporters.recipe import to_text
from vgpipe.exporters.soundtrack import KINDS, SoundArguments, soundtrack
from vgpipe.sound.track import Track

# By default the scaler converts with bt601, which would shift every colour.
TO_BT709 = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
# Tags of frames override the options, and raw frames have none; players would then guess by the size.
SAY_BT709 = "setparams=color_primaries=bt709:color_trc=bt709"
TO_BT601 = TO_BT709.replace("bt709", "bt601")
FROM_BT709 = "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgb24"
BT709_TAGS = (
    *("-colorspace", "bt709", "-color_primaries", "bt709"),
    *("-color_trc", "bt709", "-color_range", "tv"),
)
FASTSTART = ("-movflags", "+faststart")
# Motion estimation loses the last frames; repeated ones replace them, and any excess is cut off.
SPARE_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture in a file.

    Attributes:
        width: pixels.
        height: pixels.
        rate: frames per second.
        num_frames: of the file.
    """

    width: int
    height: int
    rate: Fraction
    num_frames: int


class Padded:
    """Frames whose right or bottom edge is repeated once where a side is odd."""

    def __init__(self, frames_THWC: Frames):
        count, height, width, colours = frames_THWC.shape
        self._frames, self.bottom, self.right = frames_THWC, height % 2, width % 2
        self.shape = (count, height + self.bottom, width + self.right, colours)

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame_HWC in self._frames:
            yield np.pad(frame_HWC, ((0, self.bottom), (0, self.right), (0, 0)), mode="edge")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoExporter:
    """Streams frames into ffmpeg, one at a time.

    Attributes:
        fps: of the file; None for the clip's.
        interpolate: `minterpolate` for ffmpeg's motion estimation; None repeats or drops frames.
        upscale_height: of the file, pixels; None leaves it to `upscale_factor`.
        upscale_factor: times the clip's sides; None leaves them.
        timeout_s: seconds without progress after which ffmpeg is given up.
    """

    fps: float | None = None
    interpolate: str | None = None
    upscale_height: int | None = None
    upscale_factor: float | None = None
    timeout_s: float = 300.0
    kind: ClassVar[str]
    file: ClassVar[str]
    codec_name: ClassVar[str]
    """The name in ffmpeg of the default encoder."""
    halves_colour: ClassVar[bool] = False
    """Whether its pixel format keeps colour at half the size, so that sides must be even."""

    @property
    def encoder_name(self) -> str:
        """The encoder's name in ffmpeg."""
        return self.codec_name

    @property
    def name(self) -> str:
        """The kind and its encoder."""
        return self.kind if self.encoder_name == self.kind else f"{self.kind} ({self.encoder_name})"

    @property
    def sound_encoder(self) -> str | None:
        """The name in ffmpeg of the encoder of its sound; None for a kind of file that holds none."""
        return KINDS.get(self.kind)

    @property
    def changes_frames(self) -> bool:
        """Whether the file has another size or rate than the clip."""
        return any((self.fps, self.upscale_height, self.upscale_factor))

    def codec(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for encoder and container."""
        return ["-c:v", self.encoder_name, *self.options(picture)]

    def options(self, picture: Picture) -> list[str]:
        """Returns ffmpeg's arguments for the encoder's options and the container."""
        raise NotImplementedError

    def before_input(self) -> list[str]:
        """Returns ffmpeg's arguments before all others: devices."""
        return []

    def filters(self, picture: Picture, post: list[str]) -> list[str]:
        """Returns ffmpeg's arguments for filters and colours.

        Args:
            picture: of the file.
            post: filters for another size or rate.
        """
        if self.halves_colour:
            return ["-vf", ",".join([*post, TO_BT709, SAY_BT709]), *BT709_TAGS]
        return ["-vf", ",".join(post)] if post else []

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes one file into `folder`.

        Raises:
            EncoderError: with ffmpeg's message.
            ExportError: if the folder is full, read-only or missing.
        """
        padded = Padded(frames_THWC) if self._is_padded(frames_THWC) else None
        source: Frames = padded or frames_THWC
        rate = Fraction(fps).limit_denominator(1001)
        picture = self._picture(source, rate)
        _, height, width, _ = source.shape
        text = None if recipe is None else to_text(recipe)
        is_embedded_later = Path(self.file).suffix in COPIES  # ffmpeg writes no comment into these
        with (
            tags(None if is_embedded_later else text) as metadata,
            self._soundtrack(sound, picture, metadata) as heard,
        ):
            arguments = self._arguments(source, rate, picture, metadata, heard)
            most = self._most_memory_bytes(max(height * width, picture.height * picture.width))
            pipe(arguments, source, target=folder / self.file, timeout_s=self.timeout_s, max_memory_bytes=most)
        if text is not None and is_embedded_later:
            self._embed(folder / self.file, text)
        facts = _facts(picture) | ({"padded": [padded.right, padded.bottom]} if padded else {})
        if sound is not None:
            facts["sound"] = self.sound_encoder
        return Exported(self.kind, (self.file,), facts=facts)

    def _soundtrack(
        self, sound: Track | None, picture: Picture, metadata: Tags
    ) -> AbstractContextManager[SoundArguments]:
        inputs = 2 if metadata.input else 1
        return soundtrack(sound, self.sound_encoder, num_frames=picture.num_frames, rate=picture.rate, inputs=inputs)

    def _most_memory_bytes(self, pixels: int) -> int | None:
        """Returns what ffmpeg may allocate for frames of so many pixels; None sets no limit."""
        return encoder_memory_bytes(pixels)

    def _embed(self, path: Path, text: str) -> None:
        try:
            embed_text(path, text)
        except OSError as error:
            raise ExportError(f"the recipe could not be embedded in {path}: {error}") from error
        except ValueError as error:
            raise EncoderError(f"ffmpeg wrote no {self.kind}: {error}") from error

    def _is_padded(self, frames_THWC: Frames) -> bool:
        _, height, width, _ = frames_THWC.shape
        is_scaled = bool(self.upscale_height or self.upscale_factor)
        return self.halves_colour and not is_scaled and bool(height % 2 or width % 2)

    def _picture(self, source: Frames, rate: Fraction) -> Picture:
        count, height, width, _ = source.shape
        factor = self.upscale_height / height if self.upscale_height else self.upscale_factor
        if factor:
            width, height = _even(width * factor), self.upscale_height or _even(height * factor)
        target = Fraction(self.fps).limit_denominator(1001) if self.fps else rate
        target = min(target, Fraction(MAX_FPS.get(self.kind, target)))
        return Picture(width, height, target, max(1, floor(count * target / rate + Fraction(1, 2))))

    def _arguments(
        self, source: Frames, rate: Fraction, picture: Picture, metadata: Tags, heard: SoundArguments
    ) -> list[str]:
        _, height, width, _ = source.shape
        size = f"{width}x{height}"
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(rate), "-i", "-"]
        post = self._post(source, rate, picture)
        inputs = [*self.before_input(), *raw, *metadata.input, *heard.input]
        streams = metadata.output or (("-map", "0:v") if heard.input else ())
        return [*inputs, *self.filters(picture, post), *self.codec(picture), *streams, *heard.output, "-y"]

    def _post(self, source: Frames, rate: Fraction, picture: Picture) -> list[str]:
        steps: list[str] = []
        if picture.rate != rate:
            between = [TO_BT709, "format=yuv444p", f"minterpolate=fps={picture.rate}", FROM_BT709]
            spare = f"tpad=stop_mode=clone:stop={SPARE_FRAMES}"
            end = f"trim=end_frame={picture.num_frames}"
            steps = [spare, *(between if self.interpolate else [f"fps={picture.rate}:round=up"]), end]
        if (picture.height, picture.width) != tuple(source.shape[1:3]):
            size = f"{picture.width}:{picture.height}"
            steps += [f"scale={size}:flags=lanczos+accurate_rnd+full_chroma_int", "format=rgb24"]
        return steps


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))


def _facts(picture: Picture) -> dict[str, Any]:
    size = {"width": picture.width, "height": picture.height}
    return {**size, "num_frames": picture.num_frames, "fps": str(picture.rate)}
