"""Makes one file operation of a process fail, or the process die there: drives `shim.c`, which says what is counted.

A program that uses it starts itself again with the library preloaded (`preload`), imports what it needs, and then forks
a child for each fault (`begin` in the child).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
LIBRARY = "VGPIPE_FAILPOINTS"
JOURNAL = "journal"
NAME_BYTES = 96


class Mode(Enum):
    """What happens at the operation asked for; the values are those of `enum mode` in C."""

    COUNT = 1
    """Nothing: the operations are only counted."""
    FAIL = 2
    """It fails with an error number; the following ones work."""
    FULL = 3
    """From there on what takes space fails with ENOSPC; the first write is cut short, as by a disk that fills up."""
    DIE = 4
    """The process is killed before it."""
    TEAR = 5
    """The process is killed in the middle of it where it is a write, else after it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the journal.

    Attributes:
        number: from 1 on.
        kind: `create`, `write`, `fsync`, `fsync folder`, `rename`, `link`, `unlink`, `mkdir`, ...
        size_bytes: of a write.
        path: relative to the watched folder, with a leading slash.
        second: the new path of a rename or link.
    """

    number: int
    kind: str
    size_bytes: int
    path: str
    second: str


def is_available() -> bool:
    """Says whether this machine can build and preload the library."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def preload(folder: Path) -> dict[str, str]:
    """Builds the library; returns the environment in which a program is to be started.

    Args:
        folder: where the library goes.
    """
    library = folder / "failpoints.so"
    options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(["cc", *options], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), LIBRARY: str(library)}


class Shim:
    """The library in a process that was started with it."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ[LIBRARY])
        os.environ.pop("LD_PRELOAD", None)  # programs that this one starts are not watched

    def begin(self, root: Path, copies: Path, mode: Mode, at: int = 0, error: int = 0) -> None:
        """Watches the operations of this process from now on.

        Args:
            root: below this folder.
            copies: an empty folder outside, for the journal and for what was flushed.
            mode: what happens.
            at: at which operation, from 1 on.
            error: the error number of `Mode.FAIL`.
        """
        self._library.failpoints_copies(os.fsencode(copies))
        for path in (root, *root.rglob("*")):  # what is there at the start has long been on the disk
            self._library.failpoints_note(os.fsencode(path))
        what = ctypes.c_int(mode.value), ctypes.c_long(at), ctypes.c_int(error)
        self._library.failpoints_begin(os.fsencode(root), *what)

    def identity(self, path: Path) -> str:
        """Returns the name under which `copies` has what a file or folder held when it was flushed."""
        name = ctypes.create_string_buffer(NAME_BYTES)
        self._library.failpoints_identity(os.fsencode(path), name, ctypes.c_size_t(NAME_BYTES))
        return name.value.decode()


def journal(copies: Path) -> list[Operation]:
    """Returns the operations that were counted."""
    lines = (copies / JOURNAL).read_text("utf-8", errors="replace").splitlines()
    rows = [line.split("\t") for line in lines]
    return [Operation(int(row[0]), row[1], int(row[2]), row[3], row[4]) for row in rows if len(row) == 5]
