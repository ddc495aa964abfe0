"""Temporary files of exports, in the system's folder for them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from vgpipe.errors import ExportError
from vgpipe.owners import LEASE_S, age_s, is_left_over, owner_name

PREFIX = "vgpipe-tmp-"
NAME = re.compile(rf"{PREFIX}([0-9a-f]+-\d+)-.*")
UNNAMED, UNNAMED_FILES = re.compile(r"vgpipe-[a-z0-9_]{8}"), {"recipe"}
"""What folders of older versions look like, which do not say whose they are."""


def temporary_root() -> Path:
    """Returns the system's folder for temporary files (`TMPDIR`); another where it has gone since the start.

    Raises:
        ExportError: where there is none.
    """
    if tempfile.tempdir is not None and not os.path.isdir(tempfile.tempdir):
        tempfile.tempdir = None
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise ExportError(f"there is no folder for temporary files: {error} -> set TMPDIR to one") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yields a new folder, which is removed at the end; `sweep_temporary_folders` removes those of killed processes.

    Raises:
        ExportError: where it cannot be created; its cause is the OSError.
    """
    root = temporary_root()
    try:
        made = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner_name()}-", dir=root, ignore_cleanup_errors=True)
    except OSError as error:
        raise ExportError(f"a temporary folder cannot be created in {root}: {error}") from error
    with made as folder:
        yield Path(folder)


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """Yields a new file without a name.

    Raises:
        ExportError: where it cannot be created; its cause is the OSError.
    """
    root = temporary_root()
    try:
        made = tempfile.TemporaryFile(dir=root)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise ExportError(f"a temporary file cannot be created in {root}: {error}") from error
    with made as file:
        yield file


def sweep_temporary_folders() -> None:
    """Removes the temporary folders of this user's processes that were killed."""
    with suppress(OSError, ExportError):
        for path in [path for path in temporary_root().glob("vgpipe-*") if _is_left_over(path)]:
            shutil.rmtree(path, ignore_errors=True)


def _is_left_over(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_dir() or (os.name == "posix" and path.stat().st_uid != os.getuid()):
            return False
        if named := NAME.fullmatch(path.name):
            return is_left_over(path, named[1])
        is_of_older_version = UNNAMED.fullmatch(path.name) is not None and set(os.listdir(path)) == UNNAMED_FILES
        return is_of_older_version and age_s(path) > LEASE_S
    except OSError:
        return False
