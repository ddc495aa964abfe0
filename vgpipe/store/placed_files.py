"""Places the files of clips in a run's directory, and removes them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection
from enum import Enum
from pathlib import Path

from vgpipe.errors import StoreError
from vgpipe.store.durable import flush_folder, link_or_copy, make_folder, temporary_path

MAX_FILE_NAME_BYTES = 255
REJECTED, PREVIEWS = "rejected", "previews"
"""The folders of the files of clips that a check rejected, and of drafts."""
GIVEN = "given"
"""The folder of small copies of the images that clips are given."""
PICTURE_FOLDERS = {"sheet": "sheets", "poster": "sheets", "last_frame": "last_frames"}
"""Kind of a file -> the folder of it, where that is not `videos`."""
FILE_FOLDERS = ("videos", "frames", REJECTED, PREVIEWS, GIVEN, *dict.fromkeys(PICTURE_FOLDERS.values()))


class Among(Enum):
    """Which files of a run a clip's files lie among."""

    FINISHED = "finished"
    REJECTED = "rejected"
    PREVIEWS = "previews"
    """All in one folder, beside the finished ones that may come later."""


def is_preview(relative: str) -> bool:
    """Returns whether a file that a clip's record names is that of a draft."""
    return relative.startswith(f"{PREVIEWS}/")


class PlacedFiles:
    """The files of a run's clips.

    Args:
        root: the run's directory.
    """

    def __init__(self, root: Path):
        self._root = root
        self._unflushed: set[Path] = set()

    def place(
        self, kind: str, stem: str, sources: list[Path], taken: Collection[str] = (), *, among: Among = Among.FINISHED
    ) -> str:
        """Adds a clip's files to the run, hard-linked from the store where possible; see `RunDir.place`."""
        if among is Among.PREVIEWS:
            return self._place_preview(kind, stem, sources, taken)
        if kind.partition("_")[0] == "frames":  # `frames_2` where two exporters fell back on images
            own = "" if kind == "frames" else f".{kind}"
            folder = self._folder("frames", _fitted(stem, own), among)
            return self._place_folder(self._root / folder / _fitted(stem, own), sources)
        folder, suffix = PICTURE_FOLDERS.get(kind, "videos"), sources[0].suffix
        if folder != "sheets":
            folder = self._folder(folder, _fitted(stem, suffix), among)
        own = f".{kind}" if kind == "poster" or f"{folder}/{_fitted(stem, suffix)}" in taken else ""
        return self._place_file(f"{folder}/{_fitted(stem, own + suffix)}", sources[0])

    def _place_preview(self, kind: str, stem: str, sources: list[Path], taken: Collection[str]) -> str:
        if kind.partition("_")[0] == "frames":
            own = "" if kind == "frames" else f".{kind}"
            return self._place_folder(self._root / PREVIEWS / _fitted(stem, own), sources)
        suffix = sources[0].suffix
        plain = f"{PREVIEWS}/{_fitted(stem, suffix)}"
        is_picture = kind in PICTURE_FOLDERS
        return self._place_file(
            f"{PREVIEWS}/{_fitted(stem, f'.{kind}{suffix}')}" if is_picture or plain in taken else plain, sources[0]
        )

    def _place_file(self, relative: str, source: Path) -> str:
        target = Path(f"{self._root}/{relative}")
        try:
            link_or_copy(source, target)
        except FileNotFoundError:  # only for the first clip: a run may have thousands
            make_folder(target.parent)
            link_or_copy(source, target)
        self._unflushed.add(target.parent)
        return relative

    def _folder(self, folder: str, name: str, among: Among) -> str:
        """Returns the folder of a clip's file; removes one from among the good ones that a killed process left."""
        if among is Among.REJECTED:
            self.discard(f"{folder}/{name}")
        return REJECTED if among is Among.REJECTED else folder

    def path_of(self, relative: object) -> Path | None:
        """Returns the path of a file that a clip's record names; None for any other kind of path."""
        parts = relative.split("/") if isinstance(relative, str) else []
        if not 1 <= len(parts) <= 2 or not set(parts).isdisjoint(("", ".", "..")):
            return None
        relative = "/".join(parts)
        # A backslash separates folders and a colon names a drive on Windows only.
        return None if "\\" in relative or ":" in relative else self._root / relative

    def discard(self, relative: str) -> None:
        """Removes a file or folder named in a clip's record; leaves paths outside the run alone."""
        path = self.path_of(relative)
        if path is None or path.parent.resolve().parent != self._root.resolve():
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def flush(self) -> None:
        """Forces the names of placed files to the disk, before a record says that they are there.

        Raises:
            StoreError: where that fails.
        """
        while self._unflushed:
            folder = self._unflushed.pop()
            try:
                flush_folder(folder)
            except FileNotFoundError:  # somebody removed it: the next run places its files again
                continue
            except OSError as error:
                raise StoreError(f"{folder} cannot be written: {error}") from error

    def _place_folder(self, target: Path, sources: list[Path]) -> str:
        temporary = temporary_path(target)
        try:
            make_folder(target.parent)
            temporary.mkdir()
            for source in sources:
                link_or_copy(source, temporary / source.name)
            flush_folder(temporary)
            self._unflushed.add(target.parent)
            if target.exists():
                shutil.rmtree(target)
            os.rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target.relative_to(self._root).as_posix()


def _fitted(stem: str, ending: str) -> str:
    """Returns a file's name; the stem of one that no file system would take is cut, and made unique by a digest."""
    if len(f"{stem}{ending}".encode()) <= MAX_FILE_NAME_BYTES:
        return f"{stem}{ending}"
    ending = f"~{hashlib.sha256(stem.encode()).hexdigest()[:8]}{ending}"
    return f"{stem.encode()[: MAX_FILE_NAME_BYTES - len(ending)].decode(errors='ignore')}{ending}"
