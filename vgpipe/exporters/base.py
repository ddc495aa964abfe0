"""The protocol of an exporter, and which class writes which kind.

Shape suffixes: T frames, H height, W width, C colour (red, green, blue).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from vgpipe.exporters.joined import Frames


class Exporter(Protocol):
    """Writes frames into files.

    Attributes:
        kind: `mp4` or `frames`; the key under `files` in clips.jsonl.
    """

    kind: str

    def export(self, frames_THWC: Frames, *, fps: float, folder: Path) -> None:
        """Writes the files into `folder`.

        Args:
            frames_THWC: uint8; asked for one after another, once.
            fps: frames a second.
            folder: an empty, writable folder.

        Raises:
            ExportError: saying why, in the encoder's own words.
        """
        ...


def exporter(settings: Mapping[str, Any]) -> Exporter:
    """Returns the exporter for the settings of an `exporter` group option.

    Args:
        settings: `name` and that exporter's own keys.
    """
    from vgpipe.exporters.frames import FramesExporter
    from vgpipe.exporters.mp4 import Mp4Exporter

    kinds: dict[str, Any] = {"mp4": Mp4Exporter, "frames": FramesExporter}
    own = {key: value for key, value in settings.items() if key != "name"}
    made: Exporter = kinds[settings["name"]](**own)
    return made
