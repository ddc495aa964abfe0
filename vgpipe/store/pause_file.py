"""The small file by which another process asks a run to pause: it is there for as long as the pause is to last."""

from __future__ import annotations

import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from vgpipe.errors import StoreError
from vgpipe.outside_file import OutsideFileError, read_outside
from vgpipe.store.durable import replace_file

NAME, MAX_BYTES = ".pause", 64


class Pause(StrEnum):
    """What the file says."""

    NONE = ""
    ASKED = "asked"
    REACHED = "reached"
    """The run has saved its work, freed its memory, and waits."""


class PauseFile:
    """Asks a run for a pause, or tells that it has been reached.

    The run removes the file when it starts, so that one that a killed run left stops nobody.

    Args:
        root: the run directory.
    """

    def __init__(self, root: Path):
        self._path = root / NAME

    @property
    def is_there(self) -> bool:
        """Whether a pause is asked for, or lasts."""
        return os.path.exists(self._path)

    def read(self) -> Pause:
        """Returns what the file says; one of unknown content asks for a pause."""
        try:
            found = read_outside(self._path, max_bytes=MAX_BYTES).decode("ascii", "replace").strip()
        except OutsideFileError:
            return Pause.ASKED if self.is_there else Pause.NONE
        return Pause.REACHED if found == Pause.REACHED else Pause.ASKED

    def ask(self) -> None:
        """Asks for a pause.

        Raises:
            StoreError: where the run directory cannot be written.
        """
        replace_file(self._path, _line(Pause.ASKED))

    def note_reached(self) -> None:
        """Notes that the run waits; makes no new file, since another process may just have removed it."""
        with suppress(OSError), self._path.open("r+b") as file:
            file.write(_line(Pause.REACHED))

    def remove(self) -> bool:
        """Removes the file; returns whether there was one.

        Raises:
            StoreError: where it cannot be removed.
        """
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"{self._path} cannot be removed: {error}") from error
        return True


def _line(pause: Pause) -> bytes:
    return pause.encode() + b"\n"
