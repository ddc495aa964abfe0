"""The files of a record that the page may link to: those that exist inside the run directory."""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import takewhile
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import quote

from vgpipe.report.values import table_of

VIDEOS = frozenset({".mp4", ".webm", ".m4v"})  # browsers play these, not ProRes and FFV1 (.mov, .mkv)
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".apng"})
MOVING = frozenset({".gif", ".webp", ".apng"})
MAX_PATH = 1000
ORDER = ("video", "moving", "frames", "still", "poster", "link")
"""How a file is shown. The card of a clip shows its first file in this order."""


class MediaFile(TypedDict):
    """A file of a clip, or a folder of numbered images.

    Attributes:
        kind: the exporter's name for it.
        show: how it is shown, one of `ORDER`.
        url: of the file, or of the first image.
        folder: URL of a folder of numbered images.
        suffix: of those images.
        count: how many they are.
    """

    kind: str
    show: str
    url: str
    folder: NotRequired[str]
    suffix: NotRequired[str]
    count: NotRequired[int]


class Media:
    """Turns paths of records into URLs relative to the page.

    Args:
        root: the run directory.
        page_folder: of the page; None for the run directory.
    """

    def __init__(self, root: Path, page_folder: Path | None = None):
        self._root = root.resolve()
        way = os.path.relpath(self._root, page_folder.resolve()) if page_folder is not None else "."
        # The "./" in front keeps any name from being read as a scheme.
        self._prefix = "./" if way == "." else f"./{quote(Path(way).as_posix(), safe='/')}/"

    def files(self, record: object) -> list[MediaFile]:
        """Returns the existing files among a record's `files`.

        Args:
            record: kind -> path relative to the run; anything else gives nothing.

        Returns:
            The files in `ORDER`.
        """
        named = list(table_of(record).items())[:20]
        found = [entry for kind, path in named if (entry := self._entry(str(kind)[:40], path)) is not None]
        return sorted(found, key=lambda entry: ORDER.index(entry["show"]))

    def first_image(self, relative: object) -> Path | None:
        """Returns the image at a path of a record, or the first image in that folder; None where there is none."""
        path = self._inside(relative)
        if path is None or path.is_file():
            return path if path is not None and path.suffix.lower() in IMAGES else None
        images = _images(path)
        return path / min(images) if images else None

    def url_of(self, relative: str) -> str | None:
        """Returns the URL of a file below the run directory; None where it does not exist."""
        path = self._inside(relative)
        return self._url(path) if path is not None and path.is_file() else None

    def _entry(self, kind: str, relative: object) -> MediaFile | None:
        path = self._inside(relative)
        if path is None:
            return None
        if path.is_dir():
            return self._folder(kind, path)
        return {"kind": kind, "show": _shown_as(kind, path.suffix.lower()), "url": self._url(path)}

    def _folder(self, kind: str, folder: Path) -> MediaFile | None:
        images = _images(folder)
        if not images:
            return None
        first = folder / min(images)
        count = _count(images, first.suffix)
        if not count:
            return {"kind": kind, "show": "still", "url": self._url(first)}
        return {
            "kind": kind,
            "show": "frames",
            "url": self._url(first),
            "folder": f"{self._url(folder)}/",
            "suffix": first.suffix,
            "count": count,
        }

    def _inside(self, relative: object) -> Path | None:
        """Resolves a path of a record; None unless it exists below the run directory."""
        if not isinstance(relative, str) or not relative or len(relative) > MAX_PATH:
            return None
        # A colon may mean a drive, a scheme or a stream; a backslash separates folders on Windows only.
        if "\\" in relative or ":" in relative or relative.startswith("/") or ".." in relative.split("/"):
            return None
        try:
            path = self._root / relative
            if not path.resolve(strict=True).is_relative_to(self._root):  # a link may point outside
                return None
        except (OSError, ValueError, RuntimeError):
            return None
        return path if path != self._root else None

    def _url(self, path: Path) -> str:
        return self._prefix + quote(path.relative_to(self._root).as_posix(), safe="/")


def _shown_as(kind: str, suffix: str) -> str:
    if suffix in VIDEOS:
        return "video"
    if suffix not in IMAGES:
        return "link"
    if suffix in MOVING or kind == "apng":
        return "moving"
    return "poster" if kind == "poster" else "still"


def _images(folder: Path) -> set[str]:
    """Returns the names of the images in a folder, without links, which could point anywhere."""
    try:
        with os.scandir(folder) as entries:
            files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return set()
    return {name for name in files if Path(name).suffix.lower() in IMAGES}


def _count(images: Collection[str], suffix: str) -> int:
    """Returns how many images are numbered from 000000 without a gap."""
    return sum(1 for _ in takewhile(lambda number: f"{number:06}{suffix}" in images, range(len(images))))
