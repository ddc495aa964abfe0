"""Which process made a temporary file, and whether it still needs it."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

PID_NAMESPACE = Path("/proc/self/ns/pid")
LEASE_S = 86_400
"""Seconds for which a temporary file is kept that nobody changes and whose process cannot be looked up.

Processes of another machine, or of another container, are not visible. Whoever writes a file changes it far more often:
an encoder that makes no progress for some minutes is killed.
"""
REUSED_AFTER_S = 3600
"""How much younger than the file a process must be for its number to be another's; clocks may have been set."""


def owner_name() -> str:
    """Returns a name of this process, `<machine>-<number>`, for the names of its temporary files."""
    return f"{_machine()}-{os.getpid()}"


def is_left_over(path: Path, owner: str, lease_s: float = LEASE_S) -> bool:
    """Says whether the process that made a temporary file or folder needs it no more.

    Args:
        path: the file or folder.
        owner: its `owner_name`.
        lease_s: seconds without a change after which a file of a process that is not visible counts as left over.
    """
    machine, _, number = owner.partition("-")
    if machine != _machine() or not number.isdigit():
        return age_s(path) > lease_s
    if not _is_alive(int(number)):
        return True
    return int(number) != os.getpid() and _runs_since_s(int(number)) < age_s(path) - REUSED_AFTER_S


def age_s(path: Path) -> float:
    """Returns the seconds since a file, or a folder or anything in it, was last changed; 0 if it no longer exists."""
    try:
        newest = path.stat().st_mtime
    except OSError:
        return 0.0
    with suppress(OSError):
        newest = max([newest, *(entry.stat(follow_symlinks=False).st_mtime for entry in os.scandir(path))])
    return time.time() - newest


@cache
def _machine() -> str:
    # The numbers of processes are only meaningful within one machine and one container.
    namespace = ""
    with suppress(OSError):
        namespace = str(PID_NAMESPACE.stat().st_ino)
    return hashlib.sha256(f"{socket.gethostname()}|{namespace}".encode()).hexdigest()[:12]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _runs_since_s(pid: int) -> float:
    """Returns how long a process has been running; infinity where that is unknown."""
    import psutil

    try:
        return time.time() - psutil.Process(pid).create_time()
    except psutil.Error:
        return float("inf")
