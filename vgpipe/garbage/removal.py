"""Removes items of a store beside running processes."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from vgpipe.errors import UsageError
from vgpipe.garbage.inventory import Item, Kind
from vgpipe.store.durable import temporary_path
from vgpipe.store.run_list import FOLDER
from vgpipe.store.run_lock import DirectoryInUse, RunLock

BATCH, LEFTOVERS = 200, "leftovers"
"""Items after which is asked again what runs need, as one may have started since; and what freed leftovers count as."""


class AnotherAtWork(UsageError):
    """Another process removes items of the same store."""


@dataclass
class Freed:
    """What was removed.

    Attributes:
        own_bytes: bytes that are free now.
        count: kind -> items.
        by_kind: kind -> bytes.
    """

    own_bytes: int = 0
    count: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, own_bytes: int) -> None:
        """Counts a removed item."""
        self.own_bytes += own_bytes
        self.count[kind] += 1
        self.by_kind[kind] += own_bytes


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Keeps other processes from removing items of a store at the same time.

    Raises:
        AnotherAtWork: where one does.
        StoreError: where the store cannot be written.
    """
    lock = RunLock(store / FOLDER)
    try:
        lock.acquire()
    except DirectoryInUse:
        raise AnotherAtWork(
            f"another process is removing garbage from {store}; nothing was removed -> try later"
        ) from None
    try:
        yield
    finally:
        lock.release()


def remove(
    items: Sequence[Item], leftovers: Mapping[Path, int], still_goes: Callable[[], Callable[[Item], bool]]
) -> Freed:
    """Removes items, in order, and leftovers.

    Each is renamed before its files go, so that a reader finds all of it or nothing; what a kill leaves behind is a
    leftover.

    Args:
        items: what goes.
        leftovers: path -> bytes of what ended processes left.
        still_goes: asked now and then what kept runs need by now; returns whether an item still goes.
    """
    freed = Freed()
    for path, own_bytes in leftovers.items():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else _unlink(path)
        if not os.path.lexists(path):
            freed.add(LEFTOVERS, own_bytes)
    waiting = iter(items)
    while batch := list(islice(waiting, BATCH)):
        goes = still_goes()
        for item in filter(goes, batch):
            if _remove(item):
                freed.add(item.kind, item.own_bytes)
    return freed


def _remove(item: Item) -> bool:
    """Removes an item; says whether this process did."""
    path = Path(item.path)
    if item.kind is Kind.FILE and _is_shared(path):  # a run has taken it meanwhile
        return False
    aside = temporary_path(path)
    try:
        os.rename(path, aside)
    except OSError:  # gone, or the store cannot be written
        return False
    shutil.rmtree(aside, ignore_errors=True) if aside.is_dir() else _unlink(aside)
    return True


def _is_shared(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            statuses = [entry.stat(follow_symlinks=False) for entry in entries]
    except OSError:
        return False
    return any(one.st_nlink > 1 and stat.S_ISREG(one.st_mode) for one in statuses)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
