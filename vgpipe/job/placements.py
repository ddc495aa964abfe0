"""Images at frames of a clip as users write them: `24: middle.png`, or a mapping of such pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

MAX_PLACED = 64
"""Of a clip."""
_PLACEMENT = re.compile(r"\s*(?P<frame>[+-]?\d{1,9})\s*[:=]\s*(?P<path>\S.*?)\s*", re.DOTALL)
_BETWEEN = re.compile(r"[;\n]")


def parse(placement: str) -> tuple[int, str] | None:
    """Returns the frame and the path of one placement; None where it is none."""
    found = _PLACEMENT.fullmatch(placement)
    return (int(found["frame"]), found["path"]) if found else None


def written(frame: int, path: str) -> str:
    """Returns a frame and a path as one placement."""
    return f"{frame}: {path}"


def listed(value: object) -> object:
    """Returns placements as a list of texts, in whatever form they come; what is no placement stays as it is.

    Args:
        value: a mapping of frames to paths, a text of several with semicolons between them, or a list of any of these.
    """
    if isinstance(value, Mapping):
        return [f"{frame}: {path}" if isinstance(path, str) else {frame: path} for frame, path in value.items()]
    if isinstance(value, str):
        return split(value)
    if isinstance(value, Sequence):
        return [one for item in value for one in _items(item)]
    return value


def split(text: str) -> list[str]:
    """Returns the placements of a text, which have semicolons or line breaks between them."""
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def _items(item: object) -> Iterator[object]:
    inner = listed(item) if isinstance(item, Mapping) else item
    if isinstance(inner, list):
        yield from inner
    else:
        yield inner
