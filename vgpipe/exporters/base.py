"""The protocol of an exporter, and which class writes which kind.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from vgpipe.exporters.exported import Exported
from vgpipe.exporters.joined import Frames

CHANGES_NO_BITS = ("timeout_s",)
ADDED_LATER = {
    "encoder": None,
    "fps": None,
    "interpolate": None,
    "upscale_height": None,
    "upscale_factor": None,
    "image_format": "png",
    "jpeg_quality": 95,
}
"""Settings that came when there were artifacts already, at the value that leaves these as they are."""


class Exporter(Protocol):
    """Writes frames into files."""

    @property
    def kind(self) -> str:
        """What was asked for; the key under `files` in clips.jsonl unless another kind had to stand in."""
        ...

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> Exported:
        """Writes the files into `folder`.

        Args:
            frames_THWC: uint8; asked for one after another, and again where an encoder fails.
            fps: frames a second.
            folder: an empty, writable folder.

        Returns:
            What was really made.

        Raises:
            EncoderError: where its encoder fails, in the encoder's own words.
            ExportError: where no encoder could help: the folder is full, read-only or gone.
        """
        ...


def exporter(settings: Mapping[str, Any]) -> Exporter:
    """Returns the exporter for the settings of an `exporter` group option, with all that stands in for it.

    Args:
        settings: `name` and that exporter's own keys.
    """
    from vgpipe.exporters import videos
    from vgpipe.exporters.chain import chain_of
    from vgpipe.exporters.frames import FramesExporter
    from vgpipe.exporters.mp4 import Mp4Exporter
    from vgpipe.exporters.sheet import SheetExporter

    own = {key: value for key, value in settings.items() if key != "name"}
    needs_no_ffmpeg: dict[str, Any] = {"frames": FramesExporter, "sheet": SheetExporter}
    if settings["name"] in needs_no_ffmpeg:
        made: Exporter = needs_no_ffmpeg[settings["name"]](**own)
        return made
    kinds: dict[str, Any] = {
        "mp4": Mp4Exporter,
        "mp4_hevc": videos.HevcExporter,
        "webm": videos.WebmExporter,
        "av1": videos.Av1Exporter,
        "mov_prores": videos.ProresExporter,
        "ffv1": videos.Ffv1Exporter,
        "gif": videos.GifExporter,
        "webp": videos.WebpExporter,
        "apng": videos.ApngExporter,
    }
    return chain_of(kinds[settings["name"]](**own))


def identity(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that can change a file's bits, named as before newer settings existed.

    Args:
        settings: `name` and that exporter's own keys.
    """
    kept = {key: value for key, value in settings.items() if key not in CHANGES_NO_BITS}
    return {key: value for key, value in kept.items() if key not in ADDED_LATER or value != ADDED_LATER[key]}
