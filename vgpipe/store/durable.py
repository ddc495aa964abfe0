"""Durable writes: flushed to the disk before a rename makes them visible, so that they survive a power cut."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vgpipe.errors import StoreError
from vgpipe.owners import LEASE_S, is_left_over, owner_name

ASIDE = "bad-"
MAX_NAME_BYTES = 200
CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF)
"""How a system refuses to flush a folder: it has no such operation, or the folder may be entered but not read."""


def flush_file(path: Path) -> None:
    """Forces a written file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(path: Path) -> None:
    """Forces a folder's entries to the disk, where the system can: Windows and some network disks cannot.

    Raises:
        OSError: where the disk fails.
    """
    if os.name == "nt":
        return
    try:
        flush_file(path)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH:
            raise


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it, so that they survive a power cut; does nothing where it exists.

    Raises:
        OSError: where that fails.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    flush_folder(path.parent)  # a flushed file is lost with a folder above it whose name never reached the disk


def flush_parents(path: Path) -> None:
    """Forces the names of all folders above a path to the disk: for folders that others made.

    Raises:
        OSError: where the disk fails.
    """
    for folder in path.parents:
        flush_folder(folder)


def temporary_path(path: Path) -> Path:
    """Returns an unused name beside `path` that identifies the machine and the process that writes it."""
    name = f".tmp-{owner_name()}-{uuid.uuid4().hex[:8]}-{path.name}"
    return path.with_name(name.encode(errors="surrogateescape")[:MAX_NAME_BYTES].decode(errors="ignore"))


def open_to_append(path: Path) -> BinaryIO:
    """Opens a file to append to, creating it; a FIFO in its place is an error rather than a wait for a reader.

    Raises:
        OSError: if it cannot be opened.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return open(path, "ab", opener=lambda name, _: os.open(name, flags, 0o666))


def set_aside(path: Path) -> Path | None:
    """Renames a damaged file or folder, whatever it is by now, so that its place is free; None where it is gone.

    Raises:
        OSError: if it cannot be renamed.
    """
    aside = path.with_name(f"{ASIDE}{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}"[:200])
    try:
        os.rename(path, aside)
    except FileNotFoundError:  # another process has removed it meanwhile
        return None
    with suppress(OSError, NotImplementedError):
        os.utime(aside, follow_symlinks=False)  # it is kept for a while from now on, however old it is
    return aside


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces `path` by `data` atomically: a reader sees the old bytes or the new ones, never a part.

    Raises:
        OSError: if the folder cannot be written; the old file is then untouched.
    """
    temporary = temporary_path(path)
    try:
        temporary.write_bytes(data)
        flush_file(temporary)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replaces `path` by `data` atomically.

    Raises:
        StoreError: if that fails; the old file is then untouched.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from error


def link_or_copy(source: Path, target: Path) -> None:
    """Makes `target` a hard link to `source`, or a copy, flushed, where links are unavailable.

    An existing `target` is replaced atomically, unless it is that link already; a folder in its place is set aside. The
    caller flushes the folder.
    """
    if _is_linked(source, target):
        return
    temporary = temporary_path(target)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)
            flush_file(temporary)
        try:
            os.replace(temporary, target)
        except IsADirectoryError:
            set_aside(target)
            os.replace(temporary, target)
    finally:
        # Also after success: POSIX lets a rename of one hard link over another of the same file leave both.
        temporary.unlink(missing_ok=True)


def _is_linked(source: Path, target: Path) -> bool:
    """Links `target` to `source` where nothing is in the way; says whether it is that link now."""
    try:
        os.link(source, target)
    except FileExistsError:
        with suppress(OSError):
            return os.path.samestat(os.stat(source), os.lstat(target))
        return False
    except OSError:
        return False
    return True


def owner_is_gone(temporary: Path, lease_s: float = LEASE_S) -> bool:
    """Returns whether the process that created a temporary entry has ended.

    Of a process on another machine or in another container (a store on a shared disk) the age of the entry decides.

    Args:
        temporary: from `temporary_path`.
        lease_s: seconds without a change after which such an entry counts as left over.
    """
    parts = temporary.name.removeprefix(".tmp-").split("-")
    return len(parts) >= 3 and is_left_over(temporary, "-".join(parts[:2]), lease_s)
