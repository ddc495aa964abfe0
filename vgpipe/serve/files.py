"""Which files below the folder are served: media of run directories, and nothing else.

A path is served where its names say so, and again after symbolic links are resolved, so that no link leads to the
store, to a config or out of the folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vgpipe.outside_file import open_outside
from vgpipe.store.placed_files import FILE_FOLDERS
from vgpipe.store.rundir import RunDir

TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".png": "image/png",
    ".apng": "image/apng",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
}
"""The media type of each kind of file. None of these can contain a script."""
FOLDERS = frozenset(FILE_FOLDERS)
MAX_DEPTH = 6
"""Of a run below the folder."""
MAX_BELOW = 4
"""Of a file below its run: `rejected/frames/<clip>/000000.png`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads.

    Attributes:
        run: names from the folder to the run directory; empty where the folder is a run itself.
        within: names from the run directory on.
    """

    run: tuple[str, ...]
    within: tuple[str, ...]


class Folder:
    """The folder that is served.

    Args:
        root: its path, which may be a symbolic link.
    """

    def __init__(self, root: Path):
        self.root = root.resolve()

    def place_of(self, names: Sequence[str]) -> Place | None:
        """Returns which run a path belongs to; None where it belongs to none, or has a name that is never served."""
        if not all(map(is_plain, names)):
            return None
        for depth in range(min(len(names), MAX_DEPTH) + 1):
            if self.holds_run(names[:depth]):
                return Place(tuple(names[:depth]), tuple(names[depth:]))
        return None

    def holds_run(self, names: Sequence[str]) -> bool:
        """Says whether names lead to a run directory inside the folder."""
        try:
            root = self.root.joinpath(*names).resolve(strict=True)
            is_ours = root.is_relative_to(self.root) and all(map(is_plain, root.relative_to(self.root).parts))
            return is_ours and RunDir(root).holds_run() and not RunDir(root).clips.is_symlink()
        except (OSError, ValueError, RuntimeError):  # a NUL, a loop of links
            return False

    def run_dir(self, place: Place) -> RunDir:
        """Returns the run directory of a place."""
        return RunDir(self.root.joinpath(*place.run))

    def open_media(self, place: Place) -> tuple[BinaryIO, str] | None:
        """Opens a file of a run.

        Returns:
            The file and its media type; None where there is no such file, or it is not served.
        """
        if not is_media(place.within):
            return None
        try:
            path = self.root.joinpath(*place.run, *place.within).resolve(strict=True)
            if not path.is_relative_to(self.root):
                return None
            led_to = self.place_of(path.relative_to(self.root).parts)
            if led_to is None or not is_media(led_to.within):
                return None
            return open_outside(path), TYPES[path.suffix.lower()]
        except (OSError, ValueError, RuntimeError):
            return None


def is_plain(name: str) -> bool:
    """Says whether a name may be part of a path that is served: it is not hidden, and is one name on every system."""
    has_separator = "/" in name or "\\" in name or (os.name == "nt" and ":" in name)
    return bool(name) and not name.startswith(".") and not has_separator and "\0" not in name


def is_media(within: Sequence[str]) -> bool:
    """Says whether names inside a run directory lead to a file that is served as it is."""
    if not within or os.path.splitext(within[-1])[1].lower() not in TYPES:
        return False
    return tuple(within) == (RunDir(Path()).contact_sheet.name,) or (
        within[0] in FOLDERS and 2 <= len(within) <= MAX_BELOW
    )
