"""What the recipe in a file may not say, whoever wrote it: it is data, and names few things that are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from vgpipe.errors import UsageError
from vgpipe.job.clip import Clip
from vgpipe.job.schema import MAX_SHOTS, text_fault
from vgpipe.job.segments import count_segments

PARTS = ("clip", "model", "memory", "exporter")
"""Keys of a recipe whose values are followed; the others are compared and shown."""
PROMPTS = ("prompt", "negative_prompt")
PLACES = ("id", "image", "last_image", "video", "audio", "single_file")
BELOW = ("subfolder", "file")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
REMOTE = re.compile(r"[\\/]{2}")
MAX_SHOWN = 60
MAX_NESTED = 40
MAX_SEGMENTS = 2_000
MAX_FRAMES_AT_ONCE = 4_096


def refuse_texts(recipe: Mapping[str, Any]) -> None:
    """Refuses texts that no vgpipe has written into a recipe.

    Args:
        recipe: any JSON.

    Raises:
        UsageError: for a prompt that no job may hold, a control character, a path on another machine, or one that
            leaves its folder.
    """
    for part in PARTS:
        for key, value in _values(part, recipe.get(part), 0):
            fault = _fault(key, value)
            if fault:
                raise UsageError(f"{part}: {key[:MAX_SHOWN]} {fault}")


def _values(key: str, value: object, depth: int) -> Iterator[tuple[str, object]]:
    """Yields the values below one, each with the key it is under; a key itself as a value of that name."""
    if depth > MAX_NESTED:
        raise UsageError(f"{key[:MAX_SHOWN]}: is nested too deeply")
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "key", name
            yield from _values(str(name), inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(key, inner, depth + 1)
    else:
        yield key, value


def _fault(key: str, value: object) -> str:
    if not isinstance(value, str):
        return ""
    if key in PROMPTS:
        return (text_fault(value) or "") if value.strip() else ""
    if found := CONTROL.search(value):
        return f"holds the character U+{ord(found[0]):04X}, which is not allowed"
    if key in PLACES and REMOTE.match(value):
        return f"{value[:MAX_SHOWN]!r} is a place on another machine, which is not followed"
    if key in BELOW and (".." in PurePosixPath(value).parts or _is_absolute(value)):
        return f"{value[:MAX_SHOWN]!r} leaves its folder"
    return ""


def _is_absolute(value: str) -> bool:
    windows = PureWindowsPath(value)
    return value.startswith("/") or bool(windows.drive or windows.root) or ".." in windows.parts


def refuse_endless(clip: Clip) -> None:
    """Refuses a clip of more parts, or of longer ones, than any model makes.

    Raises:
        UsageError: with the figure and the limit.
    """
    parts = [shot.num_frames for shot in clip.shots] or [clip.num_frames]
    how = clip.continuation
    if len(parts) > MAX_SHOTS:
        raise UsageError(f"clip: shots: there are {len(parts):,}; at most {MAX_SHOTS:,} are allowed")
    if min(parts) < 1 or sum(parts) != clip.num_frames:
        raise UsageError(f"clip: shots: they are {sum(parts):,} frames, and num_frames is {clip.num_frames:,}")
    segments = sum(count_segments(num_frames, how) for num_frames in parts)
    if segments > MAX_SEGMENTS:
        raise UsageError(f"clip: continuation: makes {segments:,} segments; at most {MAX_SEGMENTS:,} are allowed")
    at_once = max(how.segment_num_frames, how.min_segment_num_frames) if how else clip.num_frames
    if at_once > MAX_FRAMES_AT_ONCE:
        raise UsageError(f"clip: {at_once:,} frames would be made at once; at most {MAX_FRAMES_AT_ONCE:,} are allowed")
