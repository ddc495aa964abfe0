"""The protocol of an exporter, and which class writes which kind.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from vgpipe.exporters.encoder_status import EncoderStatus
from vgpipe.exporters.exported import Exported
from vgpipe.exporters.joined_frames import Frames

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

VERSIONS = {
    **{"sheet": 2, "webp": 2},  # with a poster and measures; whole frames
    **dict.fromkeys(("mp4", "mp4_hevc", "webm", "av1", "mov_prores"), 2),  # primaries and transfer are tagged
}


class Exporter(Protocol):
    """Writes frames into files."""

    @property
    def kind(self) -> str:
        """What was asked for; the key under `files` in clips.jsonl unless another kind had to stand in."""
        ...

    def may_fall_back(self) -> bool:
        """Says whether something else's file may pass: it is allowed, and what was asked for does not work; may try."""
        ...

    def export(
        self, frames_THWC: Frames, *, fps: float, folder: Path, recipe: Mapping[str, Any] | None = None
    ) -> Exported:
        """Writes the files into `folder`.

        Args:
            frames_THWC: uint8; asked for one after another, and again where an encoder fails.
            fps: frames a second.
            folder: an empty, writable folder.
            recipe: what every file shall tell of itself, as JSON knows it: a schema number under `vgpipe`, and under
                `degradations` a list, to which a stand-in for an encoder is added; None writes nothing.

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
    return exporters([settings])[0]


def exporters(settings: Sequence[Mapping[str, Any]], *, allow_fallback: bool = True) -> tuple[Exporter, ...]:
    """Returns exporters that share what they know of encoders: one that fails for an exporter is tried by none again.

    Args:
        settings: for each, `name` and that exporter's own keys.
        allow_fallback: whether another encoder may stand in for one that fails; else its error is raised.
    """
    status = EncoderStatus()
    return tuple(_exporter(one, status, allow_fallback) for one in settings)


def _exporter(settings: Mapping[str, Any], status: EncoderStatus, allow_fallback: bool) -> Exporter:
    from vgpipe.exporters import videos
    from vgpipe.exporters.encoder_chain import EncoderChain, chain_of
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
    first = kinds[settings["name"]](**own)
    return chain_of(first, status) if allow_fallback else EncoderChain((first,), status)


def identity(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that can change a file's bits, named as before newer settings existed.

    Args:
        settings: `name` and that exporter's own keys.
    """
    kept = {key: value for key, value in settings.items() if key not in CHANGES_NO_BITS}
    named = {key: value for key, value in kept.items() if key not in ADDED_LATER or value != ADDED_LATER[key]}
    version = VERSIONS.get(str(settings.get("name")))
    return named | ({"version": version} if version else {})
