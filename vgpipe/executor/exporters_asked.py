"""Which files a run makes of each clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vgpipe.config.exporter_schema import SheetConfig
from vgpipe.config.schema import Config
from vgpipe.exporters.sizes import bytes_per_pixel

SHEET = SheetConfig().name


def exporters_of(config: Config) -> tuple[Mapping[str, Any], ...]:
    """Returns the name and settings of every exporter: what was asked for first, further ones, the contact sheet.

    Two that would make the same file are one.
    """
    asked = [asdict(one) for one in (config.exporter, *config.also.values())]
    if config.run.sheet and all(one["name"] != SHEET for one in asked):
        asked.append(asdict(SheetConfig()))
    return tuple(one for number, one in enumerate(asked) if one not in asked[:number])


def file_bytes_per_pixel(config: Config) -> float:
    """Returns about how many bytes all files of a clip take for each pixel of each frame."""
    reference = config.model.reference
    return sum(bytes_per_pixel(one, height=reference.height, fps=reference.fps) for one in exporters_of(config))
