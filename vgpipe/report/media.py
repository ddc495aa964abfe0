"""The files of a record that the page may link to: those that exist inside the run directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict
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


class _Found(NamedTuple):
    relative: str
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


class Media:
    """Turns paths of records into URLs relative to the page.

    Args:
        root: the run directory.
        page_folder: of the page; None for the run directory.
    """

    def __init__(self, root: Path, page_folder: Path | None = None):
        self._root = root.resolve()
        self._folders: dict[str, bool] = {}
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
        found = self._inside(relative)
        if found is None:
            return None
        path = self._root / found.relative
        if not found.is_folder:
            return path if found.is_file and path.suffix.lower() in IMAGES else None
        images = _images(path)
        return path / min(images) if images else None

    def mark_of(self, relative: object) -> tuple[int, int] | None:
        """Returns what changes with the image that `first_image` gives: its size and time; None where there is none."""
        found = self._inside(relative)
        if found is None:
            return None
        if found.is_file:
            return found.status.st_size, found.status.st_mtime_ns
        image = self.first_image(relative)
        status = image.stat() if image is not None else None
        return (status.st_size, status.st_mtime_ns) if status is not None else None

    def url_of(self, relative: str) -> str | None:
        """Returns the URL of a file below the run directory; None where it does not exist."""
        found = self._inside(relative)
        return self._url(found.relative) if found is not None and found.is_file else None

    def _entry(self, kind: str, relative: object) -> MediaFile | None:
        found = self._inside(relative)
        if found is None:
            return None
        if found.is_folder:
            return self._folder(kind, found.relative)
        suffix = os.path.splitext(found.relative)[1].lower()
        return {"kind": kind, "show": _shown_as(kind, suffix), "url": self._url(found.relative)}

    def _folder(self, kind: str, folder: str) -> MediaFile | None:
        images = _images(self._root / folder)
        if not images:
            return None
        first = min(images)
        url, suffix = self._url(f"{folder}/{first}"), Path(first).suffix
        count = _count(images, suffix)
        if not count:
            return {"kind": kind, "show": "still", "url": url}
        return {
            "kind": kind,
            "show": "frames",
            "url": url,
            "folder": f"{self._url(folder)}/",
            "suffix": suffix,
            "count": count,
        }

    def _inside(self, relative: object) -> _Found | None:
        """Resolves a path of a record; None unless it exists below the run directory."""
        if not isinstance(relative, str) or not relative or len(relative) > MAX_PATH:
            return None
        # A colon may mean a drive, a scheme or a stream; a backslash separates folders on Windows only.
        if "\\" in relative or ":" in relative or relative.startswith("/") or ".." in relative.split("/"):
            return None
        *folders, name = [part for part in relative.split("/") if part not in ("", ".")] or [""]
        folder = "/".join(folders)
        try:
            # A link may point outside. Resolving each path would take a system call for every folder in it.
            path = f"{self._root}/{folder}/{name}"
            status = os.lstat(path)
            is_link = stat.S_ISLNK(status.st_mode)
            if not name or not (self._is_inside(f"{folder}/{name}") if is_link else self._holds(folder)):
                return None
            return _Found("/".join((*folders, name)), os.stat(path) if is_link else status)
        except (OSError, ValueError, RuntimeError):
            return None

    def _holds(self, folder: str) -> bool:
        """Says whether a folder lies below the run directory; looks it up once."""
        if folder not in self._folders:
            self._folders[folder] = self._is_inside(folder)
        return self._folders[folder]

    def _is_inside(self, relative: str) -> bool:
        return (self._root / relative.lstrip("/")).resolve(strict=True).is_relative_to(self._root)

    def _url(self, relative: str) -> str:
        return self._prefix + quote(relative, safe="/")


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
