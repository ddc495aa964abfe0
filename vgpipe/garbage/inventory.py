"""What a store holds, found in one pass over its folders."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from vgpipe.outside_file import read_outside
from vgpipe.store.artifacts import MAX_RECORD_BYTES, RECORD_NAME, Store
from vgpipe.vocabulary import CHECKPOINT, DECODE, DENOISE, ENCODE, EXPORT, IMAGE, OVERFLOW, PREVIEW, SCORE, TAIL

DIGEST_CHARACTERS = 64


class Kind(StrEnum):
    """What an item is; those that are garbage go in this order."""

    CHECKPOINT = "checkpoints"
    FRAMES = "frames"
    SCORE = "scores"
    PREVIEW = "previews"
    LATENTS = "latents"
    EMBEDS = "embeds"
    TAIL = "tails"
    IMAGE = "images"
    FILE = "finished files"
    OVERFLOW = "overflows"


FOLDERS = {
    CHECKPOINT: Kind.CHECKPOINT,
    DECODE: Kind.FRAMES,
    PREVIEW: Kind.PREVIEW,
    SCORE: Kind.SCORE,
    DENOISE: Kind.LATENTS,
    ENCODE: Kind.EMBEDS,
    TAIL: Kind.TAIL,
    IMAGE: Kind.IMAGE,
    EXPORT: Kind.FILE,
    OVERFLOW: Kind.OVERFLOW,
}
"""Folder of the store -> what lies in it."""
UPSTREAM = {Kind.FRAMES: "latents", Kind.TAIL: "frames", Kind.OVERFLOW: "frames", Kind.SCORE: "preview"}
"""Kinds that records, or those of older versions, do not list -> the input that says which clip they are of."""


@dataclass(frozen=True, slots=True)
class Item:
    """An artifact, a checkpoint or an image in a store.

    Attributes:
        kind: what it is.
        digest: its name; of a checkpoint, that of the latents it leads to.
        path: its folder, or its file.
        own_bytes: what its removal frees.
        shared_bytes: files of it that have another hard link, usually in a run: their bytes stay while that does.
        made_s: when it was made, UNIX seconds.
    """

    kind: Kind
    digest: str
    path: str
    own_bytes: int
    shared_bytes: int
    made_s: float

    def upstream(self) -> str:
        """Returns the digest of the artifact it was made from, as its record names it; "" where that is unknown."""
        try:
            record: Any = json.loads(read_outside(Path(self.path) / RECORD_NAME, max_bytes=MAX_RECORD_BYTES))
            found = record["inputs"].get(UPSTREAM.get(self.kind))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return ""
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a store holds.

    Attributes:
        items: artifacts, checkpoints and images.
        leftovers: path -> bytes of what ended processes left unfinished, and what was damaged over a week ago.
        other_bytes: notes for later runs, the list of runs, work of other processes that is not finished.
    """

    items: tuple[Item, ...]
    leftovers: dict[Path, int] = field(default_factory=dict)
    other_bytes: int = 0

    @property
    def own_bytes(self) -> int:
        """What the store alone takes on the disk."""
        return sum(item.own_bytes for item in self.items) + sum(self.leftovers.values()) + self.other_bytes

    @property
    def shared_bytes(self) -> int:
        """Bytes of finished files that run directories share: they take no space beyond that of the runs."""
        return sum(item.shared_bytes for item in self.items)


def take_inventory(store: Path) -> Inventory:
    """Returns what a store holds; what vanishes meanwhile is left out. Empty for a store that is not there.

    Args:
        store: its root.
    """
    leftovers = {path: _size(path) for path in Store(store).leftovers()}
    items: list[Item] = []
    other_bytes = 0
    for entry in _entries(store):
        kind = FOLDERS.get(entry.name)
        for found in [entry] if kind is None else _named(kind, entry.path):
            item = None if kind is None else _item(kind, found)
            if item is None:
                other_bytes += _size(Path(found.path), leftovers)
            else:
                items.append(item)
    return Inventory(tuple(items), leftovers, other_bytes)


def _named(kind: Kind, folder: str) -> Iterator[os.DirEntry[str]]:
    """Yields what has a digest for its name, below folders of two digits each; images in one folder."""
    if kind is Kind.IMAGE:
        yield from _entries(folder)
        return
    for digits in _entries(folder):
        yield from _entries(digits.path)


def _item(kind: Kind, entry: os.DirEntry[str]) -> Item | None:
    digest = entry.name.partition(".")[0]
    if len(digest) != DIGEST_CHARACTERS:
        return None
    try:
        status = entry.stat(follow_symlinks=False)
        files = [status] if stat.S_ISREG(status.st_mode) else _statuses(entry.path)
    except OSError:
        return None
    own = sum(one.st_size for one in files if one.st_nlink == 1)
    return Item(kind, digest, entry.path, own, sum(one.st_size for one in files) - own, status.st_mtime)


def _statuses(folder: str) -> list[os.stat_result]:
    with os.scandir(folder) as entries:
        return [entry.stat(follow_symlinks=False) for entry in entries]


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:  # gone, or a file
        return


def _size(path: Path, without: Collection[Path] = ()) -> int:
    """Returns the bytes of a file, or of all files below a folder, that no other hard link keeps.

    Args:
        path: the file or folder.
        without: paths that are not counted.
    """
    total = 0
    waiting = [path]
    while waiting:
        one = waiting.pop()
        try:
            status = os.lstat(one)
        except OSError:
            continue
        if one in without:
            continue
        if stat.S_ISDIR(status.st_mode):
            waiting += [Path(entry.path) for entry in _entries(one)]
        elif status.st_nlink == 1:
            total += status.st_size
    return total
