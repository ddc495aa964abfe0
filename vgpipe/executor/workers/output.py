"""What a process writes to stdout and stderr: passed on line by line, the last of them kept for when it dies."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import BinaryIO

from vgpipe.terminal import on_one_line

MAX_LINE = 2000
"""Bytes; a longer line is passed on in pieces."""
TELLING = ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")
"""Signals before which a process may say what is wrong; the others are sent to it."""
LATE_S = 0.5
"""Seconds for what is left in the pipe once the process has ended; a child of it may hold the pipe open."""


class Output:
    """Reads the output of a process in a thread.

    Args:
        file: read to its end.
        on_line: called with each line that is not empty, from that thread.

    Attributes:
        last_line: the last of them.
    """

    def __init__(self, file: BinaryIO, on_line: Callable[[str], object]):
        self._file, self._on_line = file, on_line
        self.last_line = ""
        self._thread = threading.Thread(target=self._read, name="output of a process", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits for what is left, once the process has ended."""
        self._thread.join(LATE_S)

    def _read(self) -> None:
        with self._file:
            while data := self._file.readline(MAX_LINE):
                line = on_one_line(data.decode("utf-8", "replace").rstrip())
                if line:
                    self.last_line = line
                    self._on_line(line)


def ending(code: int, last_line: str) -> str:
    """Returns how a process ended, for people.

    Args:
        code: its exit code, as `subprocess` has it.
        last_line: of what it wrote to stderr.
    """
    if code >= 0:
        return f"exit code {code}: {last_line}" if last_line else f"exit code {code}"
    name = _signal_name(-code)
    return f"killed by {name}: {last_line}" if last_line and name in TELLING else f"killed by {name}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
