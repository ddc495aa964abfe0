"""Whether a failure is the folder's, which no other encoder can help: full, read-only or gone."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vgpipe.errors import ExportError

TAKES_NO_MORE = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
}
PROBE = b"\0" * 4096


def write_error(folder: Path, said: str = "") -> OSError | None:
    """Finds out whether a folder can be written.

    Args:
        folder: where files go; a little is written there and removed.
        said: what an encoder said when it failed.

    Returns:
        Why it cannot be written; None where it can.
    """
    for phrase, number in TAKES_NO_MORE.items():
        if phrase in said:
            return OSError(number, os.strerror(number), str(folder))
    probe = folder / ".probe"
    try:
        probe.write_bytes(PROBE)
        probe.unlink()
    except OSError as error:
        return error
    return None


def raise_if_unwritable(folder: Path, said: str) -> None:
    """Tells a folder that takes no files from an encoder that failed.

    Raises:
        ExportError: where the folder is to blame; caused by the OSError that says how.
    """
    found, first = write_error(folder, said), said.splitlines()[0]
    if isinstance(found, FileNotFoundError):
        raise ExportError(f"the folder {folder} is gone ({found.strerror}): {first}") from found
    if found is not None:
        raise ExportError(f"{folder} cannot be written: {found.strerror or found}: {first}") from found


def empty(folder: Path) -> None:
    """Removes what a failed encoder left in a folder."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)


@contextmanager
def trial_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder in `folder` that goes with what is in it at the end.

    Raises:
        ExportError: where it cannot be made.
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
