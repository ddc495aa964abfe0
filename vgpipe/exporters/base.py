"""The protocol of an exporter, and the registry of kinds.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vgpipe.exporters.encoder_status import EncoderStatus
from vgpipe.exporters.exported import Exported

if TYPE_CHECKING:
    from vgpipe.exporters.joined_frames import Frames
    from vgpipe.sound.track import Track

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
"""Settings added after artifacts existed, at the value that keeps the digests of these."""

VERSIONS = {
    **{"sheet": 2, "webp": 2},  # with a poster and measures; whole frames
    **dict.fromkeys(("mp4", "mp4_hevc", "webm", "av1", "mov_prores"), 2),  # primaries and transfer are tagged
}


class Exporter(Protocol):
    """Writes frames to files."""

    @property
    def kind(self) -> str:
        """The requested kind; the key under `files` in clips.jsonl unless a fallback delivers another kind."""
        ...

    def may_fall_back(self) -> bool:
        """Returns whether a fallback may deliver: it is allowed, and the requested encoder fails (may try it)."""
        ...

    def export(
        self,
        frames_THWC: Frames,
        *,
        fps: float,
        folder: Path,
        recipe: Mapping[str, Any] | None = None,
        sound: Track | None = None,
    ) -> Exported:
        """Writes the files into `folder`.

        Args:
            frames_THWC: uint8; read one after another, and again if an encoder fails.
            fps: frames per second.
            folder: an empty, writable folder.
            recipe: metadata for every file, of JSON types: a schema number under `vgpipe`, and under `degradations` a
                list, to which an encoder fallback is added; None embeds nothing.
            sound: of the clip, cut or padded to the length of the file; None for silence. Kinds of files that hold no
                sound leave it out.

        Returns:
            The files that were written.

        Raises:
            EncoderError: if its encoder fails, with the encoder's message.
            ExportError: if the folder is full, read-only or missing, where no other encoder would help.
        """
        ...


def exporter(settings: Mapping[str, Any]) -> Exporter:
    """Returns the exporter for the settings of an `exporter` group option, with its fallbacks.

    Args:
        settings: `name` and that exporter's own keys.
    """
    return exporters([settings])[0]


def exporters(settings: Sequence[Mapping[str, Any]], *, allow_fallback: bool = True) -> tuple[Exporter, ...]:
    """Returns exporters that share the status of encoders, so that none retries an encoder that has failed.

    Args:
        settings: for each, `name` and that exporter's own keys.
        allow_fallback: whether another encoder may replace one that fails; otherwise its error is raised.
    """
    status = EncoderStatus()
    return tuple(_exporter(one, status, allow_fallback) for one in settings)


def _exporter(settings: Mapping[str, Any], status: EncoderStatus, allow_fallback: bool) -> Exporter:
    from vgpipe.exporters import videos
    from vgpipe.exporters.encoder_chain import EncoderChain, chain_of
    from vgpipe.exporters.frames import FramesExporter
    from vgpipe.exporters.last_frame import LastFrameExporter
    from vgpipe.exporters.mp4 import Mp4Exporter
    from vgpipe.exporters.sheet import SheetExporter
    from vgpipe.exporters.video import VideoExporter

    own = {key: value for key, value in settings.items() if key != "name"}
    needs_no_ffmpeg: dict[str, Callable[..., Exporter]] = {
        "frames": FramesExporter,
        "last_frame": LastFrameExporter,
        "sheet": SheetExporter,
    }
    if settings["name"] in needs_no_ffmpeg:
        return needs_no_ffmpeg[settings["name"]](**own)
    kinds: dict[str, Callable[..., VideoExporter]] = {
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
    """Returns the settings that can change a file's bits; newer settings only where they differ from their default.

    Args:
        settings: `name` and that exporter's own keys.
    """
    kept = {key: value for key, value in settings.items() if key not in CHANGES_NO_BITS}
    named = {key: value for key, value in kept.items() if key not in ADDED_LATER or value != ADDED_LATER[key]}
    version = VERSIONS.get(str(settings.get("name")))
    return named | ({"version": version} if version else {})
