"""What an exporter says it has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

POSTER_FILE = "poster.jpg"
"""The clip's first frame, beside its contact sheet."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another encoder than the one that was asked for.

    Attributes:
        asked: the exporter and encoder that was asked for, `mp4 (libx264)`.
        got: the one that delivered.
        reason: why the first could not, in ffmpeg's own words, one line.
    """

    asked: str
    got: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    """Finished files.

    Attributes:
        kind: what they are; the key under `files` in clips.jsonl.
        files: their names in the folder.
        degradation: what was not as asked; None where all was.
        facts: of the files, as plain values: `width`, `height`, `num_frames`, `fps`, and `padded` where the frames
            have an edge that the clip has not.
    """

    kind: str
    files: tuple[str, ...]
    degradation: Fallback | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
