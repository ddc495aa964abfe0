"""Which images of a folder are the first and the last of one clip, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LAST = re.compile(r"(?P<name>.+)(?P<mark>[_.-])last", re.IGNORECASE)
_FIRST = re.compile(r"(?P<name>.+)[_.-]first", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """The images of one clip.

    Attributes:
        name: what they are called without their ending.
        first: file name of the first image.
        last: file name of the last one; None where there is none.
    """

    name: str
    first: str
    last: str | None = None


def pairs_of(names: Sequence[str]) -> list[Pair]:
    """Returns the images of a folder with the last image that belongs to each, in their order.

    A last image is `NAME_last`, and its first one `NAME_first` or `NAME`; any of `_`, `-` and `.` may stand between.

    Args:
        names: file names, of any suffix.
    """
    by_stem: dict[str, str] = {}
    for name in names:
        by_stem.setdefault(Path(name).stem.casefold(), name)
    last_of = {first: name for name in names if (first := _first_of(name, by_stem)) is not None}
    lasts = set(last_of.values())
    return [_pair(name, last_of.get(name)) for name in names if name not in lasts]


def _pair(first: str, last: str | None) -> Pair:
    stem = Path(first).stem
    found = _FIRST.fullmatch(stem) if last is not None else None
    return Pair(found["name"] if found else stem, first, last)


def _first_of(name: str, by_stem: dict[str, str]) -> str | None:
    """Returns the file of the first image to a last one; None where a file is no last one, or has none."""
    found = _LAST.fullmatch(Path(name).stem)
    if found is None:
        return None
    wanted = (found["name"] + found["mark"] + "first", found["name"])
    return next((by_stem[one.casefold()] for one in wanted if one.casefold() in by_stem), None)
