"""The result of an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

POSTER_FILE = "poster.jpg"
"""The clip's first frame, in the folder of its contact sheet."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The use of another encoder than the requested one.

    Attributes:
        asked: the requested exporter and encoder, `mp4 (libx264)`.
        got: the one that was used.
        reason: why the requested one failed, in ffmpeg's words, one line.
    """

    asked: str
    got: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    """Exported files.

    Attributes:
        kind: their kind; the key under `files` in clips.jsonl.
        files: their names in the folder.
        degradation: the fallback that was used; None if none was.
        facts: of the files, as plain values: `width`, `height`, `num_frames`, `fps`, and `padded` if an edge was added
            to the frames.
    """

    kind: str
    files: tuple[str, ...]
    degradation: Fallback | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
