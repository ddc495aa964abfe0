"""Which files of a record the page may link: those that are really there, inside the run directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vgpipe.report.values import table_of

VIDEOS = frozenset({".mp4", ".webm", ".m4v"})  # what browsers play; ProRes and FFV1 (.mov, .mkv) they do not
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".apng"})
MAX_PATH = 1000
ORDER = ("video", "image", "link")


class Media:
    """Turns paths of records into addresses relative to the page.

    Args:
        root: the run directory.
        page_folder: where the page lies; None for the run directory.
    """

    def __init__(self, root: Path, page_folder: Path | None = None):
        self._root = root.resolve()
        way = os.path.relpath(self._root, page_folder.resolve()) if page_folder is not None else "."
        # With "./" in front nothing in a name can be read as a scheme.
        self._prefix = "./" if way == "." else f"./{quote(Path(way).as_posix(), safe='/')}/"

    def files(self, record: object) -> list[dict[str, Any]]:
        """Returns what a record's `files` name and what is there.

        Args:
            record: kind -> path relative to the run; whatever else it is gives nothing.

        Returns:
            For each file its `kind`, how it is shown (`video`, `image` or `link`) and its `url`; what can be shown
            comes first.
        """
        named = list(table_of(record).items())[:20]
        found = [entry for kind, path in named if (entry := self._entry(str(kind)[:40], path)) is not None]
        return sorted(found, key=lambda entry: ORDER.index(entry["show"]))

    def _entry(self, kind: str, relative: object) -> dict[str, Any] | None:
        path = self._inside(relative)
        if path is None:
            return None
        if path.is_dir():
            return self._folder(kind, path)
        suffix = path.suffix.lower()
        show = "video" if suffix in VIDEOS else "image" if suffix in IMAGES else "link"
        return {"kind": kind, "show": show, "url": self._url(path)}

    def _folder(self, kind: str, folder: Path) -> dict[str, Any] | None:
        try:
            images = [name for name in os.listdir(folder) if Path(name).suffix.lower() in IMAGES]
        except OSError:
            return None
        if not images:
            return None
        first = self._inside((folder / min(images)).relative_to(self._root).as_posix())
        return {"kind": kind, "show": "image", "url": self._url(first)} if first is not None else None

    def _inside(self, relative: object) -> Path | None:
        """Returns where a path of a record leads; None unless it exists below the run directory."""
        if not isinstance(relative, str) or not relative or len(relative) > MAX_PATH:
            return None
        # A colon would be a drive, a scheme or a stream of a file; a backslash parts folders on Windows only.
        if "\\" in relative or ":" in relative or relative.startswith("/") or ".." in relative.split("/"):
            return None
        try:
            path = self._root / relative
            if not path.resolve(strict=True).is_relative_to(self._root):  # a link may lead out
                return None
        except (OSError, ValueError, RuntimeError):
            return None
        return path if path != self._root else None

    def _url(self, path: Path) -> str:
        return self._prefix + quote(path.relative_to(self._root).as_posix(), safe="/")
