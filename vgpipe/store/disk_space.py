"""What a user does about a disk that takes no more."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import disk_error
from vgpipe.units import MIB, format_size

LITTLE_BYTES = 64 * MIB
"""A disk with less than that is taken for the full one."""


def what_to_free(error: BaseException, folders: Sequence[Path]) -> str:
    """Returns what makes room for a run to be finished, in one clause.

    Args:
        error: says that a disk takes no more.
        folders: that the run writes to, the most likely first; one that does not exist counts as the one above it.
    """
    number = disk_error(error)
    if number == errno.EFBIG:
        return "a file may not grow any larger in this shell: raise the limit (ulimit -f unlimited)"
    full = list(dict.fromkeys(found for folder in folders if (found := _if_full(folder))))
    names = " and ".join(full) or f"the disk of {folders[0]}"
    if number == errno.EROFS:
        return (
            f"{folders[0]} is on a disk that is mounted read-only: mount it for writing, and look into the system's log"
        )
    if number == errno.EDQUOT:
        return f"your quota is used up: delete files of yours on {names}"
    return f"free space on {names}, for example with python -m vgpipe gc"


def _if_full(folder: Path) -> str | None:
    """Describes the disk of a folder where it has little room left; None where it has enough, or nobody knows."""
    absolute = folder.absolute()
    try:
        existing = next(path for path in (absolute, *absolute.parents) if path.exists())
        free_bytes = shutil.disk_usage(existing).free
        lacks_entries = hasattr(os, "statvfs") and _lacks_entries(existing)
    except (OSError, StopIteration):
        return None
    if lacks_entries:
        return f"the disk of {folder} (no room for another file: delete some, of any size)"
    return f"the disk of {folder} ({format_size(free_bytes)} left)" if free_bytes < LITTLE_BYTES else None


def _lacks_entries(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_files > 0 and found.f_favail == 0
