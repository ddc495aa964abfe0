"""The one way in for a file that a stranger, a job or an accident may have named: a regular file, up to a size.

A device, a pipe or a file of the kernel can be endless, wait for ever, or change the machine when it is opened.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

MIB = 1 << 20
OF_KERNEL = ("/proc/", "/sys/")
FILE_ADDRESS = "file://"
# Neither waits for the other end of a pipe nor becomes the terminal of this process; Windows has neither.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


class Refusal(StrEnum):
    """Why a file is not read."""

    MISSING = "there is no such file"
    FOLDER = "it is a folder"
    NO_REGULAR_FILE = "it is not a regular file"
    TOO_LARGE = "it is too large"
    UNREADABLE = "it cannot be read"


class OutsideFileError(OSError):
    """A file is not read.

    Attributes:
        refusal: the reason.
        detail: what the system says of it; "" where that adds nothing.
    """

    def __init__(self, refusal: Refusal, detail: str = ""):
        self.refusal, self.detail = refusal, detail
        super().__init__(f"{refusal}: {detail}" if detail else str(refusal))


def expanded(given: str | os.PathLike[str]) -> Path:
    """Returns a path with `~` replaced by the home directory; as it is where there is no such user."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def local_path(given: str) -> str:
    """Returns the path that a `file://` address of this machine names; any other text as it is.

    Args:
        given: an address, a path or anything else.
    """
    if not given.startswith(FILE_ADDRESS):
        return given
    split = urlsplit(given)
    return unquote(split.path) if split.netloc in ("", "localhost") else given


def open_outside(path: Path, *, max_bytes: int | None = None) -> BinaryIO:
    """Opens a regular file for reading.

    Args:
        path: as `expanded` returns it.
        max_bytes: its largest size; None allows any, for readers that skip what they do not want.

    Raises:
        OutsideFileError: where it is missing, no regular file, larger, or cannot be opened.
    """
    descriptor = None
    try:
        _check(os.stat(path), max_bytes)  # before it is opened, which some devices notice
        if os.path.realpath(path).startswith(OF_KERNEL):
            raise OutsideFileError(Refusal.NO_REGULAR_FILE)
        descriptor = os.open(path, FLAGS)
        _check(os.fstat(descriptor), max_bytes)  # it may be another one by now
        return open(descriptor, "rb")
    except BaseException as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, OSError | ValueError):
            raise _refused(error) from None
        raise


def read_outside(path: Path, *, max_bytes: int) -> bytes:
    """Returns the content of a regular file.

    Args:
        path: as `expanded` returns it.
        max_bytes: its largest size.

    Raises:
        OutsideFileError: where it is missing, no regular file, larger, or cannot be read.
    """
    with open_outside(path, max_bytes=max_bytes) as file:
        try:
            # One byte more than may be there, as it may grow; not the largest size, which would all be set aside.
            data = file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1)
        except OSError as error:
            raise _refused(error) from None
    if len(data) > max_bytes:
        raise OutsideFileError(Refusal.TOO_LARGE, _largest(max_bytes))
    return data


def _check(status: os.stat_result, max_bytes: int | None) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise OutsideFileError(Refusal.FOLDER)
    if not stat.S_ISREG(status.st_mode):
        raise OutsideFileError(Refusal.NO_REGULAR_FILE)
    if max_bytes is not None and status.st_size > max_bytes:
        raise OutsideFileError(Refusal.TOO_LARGE, f"{status.st_size:,} bytes; {_largest(max_bytes)}")


def _largest(max_bytes: int) -> str:
    size = f"{max_bytes // MIB} MiB" if max_bytes % MIB == 0 else f"{max_bytes:,} bytes"
    return f"at most {size} are read"


def _refused(error: OSError | ValueError) -> OutsideFileError:
    if isinstance(error, OutsideFileError):
        return error
    if isinstance(error, FileNotFoundError):
        return OutsideFileError(Refusal.MISSING)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)  # a NUL is a ValueError
    return OutsideFileError(Refusal.UNREADABLE, reason)
