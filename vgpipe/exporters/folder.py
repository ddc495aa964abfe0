"""Finds out whether a folder caused a failure (full, read-only or missing), where no other encoder would help."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vgpipe.errors import ExportError

UNWRITABLE = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "File too large": errno.EFBIG,
    "SIGXFSZ": errno.EFBIG,  # what the kernel sends a program that passes the limit
}
PROBE = b"\0" * 4096


def write_error(folder: Path, output: str = "") -> OSError | None:
    """Checks whether a folder can be written.

    Args:
        folder: of the files; a small file is written there and removed.
        output: of the encoder that failed.

    Returns:
        Why it cannot be written; None if it can.
    """
    for phrase, number in UNWRITABLE.items():
        if phrase in output:
            return OSError(number, os.strerror(number), str(folder))
    probe = folder / ".probe"
    try:
        probe.write_bytes(PROBE)
        probe.unlink()
    except OSError as error:
        return error
    return None


def raise_if_unwritable(folder: Path, output: str) -> None:
    """Distinguishes a folder that cannot be written from an encoder that failed.

    Raises:
        ExportError: if the folder cannot be written; its cause is the OSError.
    """
    found, first = write_error(folder, output), output.splitlines()[0]
    if isinstance(found, FileNotFoundError):
        raise ExportError(f"the folder {folder} is missing ({found.strerror}): {first}") from found
    if found is not None:
        raise ExportError(f"{folder} cannot be written: {found.strerror or found}: {first}") from found


def empty(folder: Path) -> None:
    """Removes what a failed encoder left in a folder."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)


@contextmanager
def trial_folder(folder: Path) -> Iterator[Path]:
    """Yields a new folder in `folder`, which is removed at the end.

    Raises:
        ExportError: if it cannot be created.
    """
    made = folder / "trial"
    try:
        made.mkdir()
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error}") from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
