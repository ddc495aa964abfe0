"""Ends ffmpeg where vgpipe itself was killed and could not: a process beside it waits for that.

ffmpeg alone notices by the end of its input, but first encodes what it has read, which may take minutes and gigabytes.
A death signal of the kernel would have to be set between fork and exec, which is not safe in a program with threads.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress

# Reads one process group a line: to be killed once the other end of the pipe has gone, or with a minus no longer.
GUARD = """
import os, signal, sys
groups = set()
for line in sys.stdin.buffer:
    group = int(line)
    groups.add(group) if group > 0 else groups.discard(-group)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Orphans:
    """Kills processes that this one has started, once it dies in whatever way; does nothing on Windows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guard: subprocess.Popen[bytes] | None = None
        self._is_refused = not _is_possible()

    def add(self, group: int) -> None:
        """Has a process group killed where this process dies before `remove`."""
        self._tell(group)

    def remove(self, group: int) -> None:
        """Leaves a process group alone from now on; its number may soon be another's."""
        self._tell(-group)

    def forget(self) -> None:
        """Leaves the guard to the parent: in a forked child, whose copy of the pipe would keep it open."""
        guard, self._guard, self._lock = self._guard, None, threading.Lock()
        if guard is not None and guard.stdin is not None:
            with suppress(OSError):
                guard.stdin.close()
            guard.returncode = 0  # it is no child of this process: nothing is to be waited for
        self._is_refused = not _is_possible()

    def close(self) -> None:
        """Ends the guard."""
        if self._guard is not None and self._guard.stdin is not None:
            with suppress(OSError):
                self._guard.stdin.close()
            self._guard.wait()

    def _tell(self, number: int) -> None:
        with self._lock, suppress(OSError):  # without a guard, ffmpeg still ends by itself some time
            guard = self._guard or self._started()
            if guard is not None and guard.stdin is not None:
                guard.stdin.write(b"%d\n" % number)

    def _started(self) -> subprocess.Popen[bytes] | None:
        if self._is_refused:
            return None
        self._is_refused = True  # it is tried once
        quiet = subprocess.DEVNULL
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,  # what kills the group of this process must not kill the guard
        )
        atexit.register(self.close)
        return self._guard


def _is_possible() -> bool:
    return os.name != "nt" and bool(sys.executable)


ORPHANS = Orphans()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ORPHANS.forget)
