"""Work in forks of one process that has imported everything: each costs what its work takes."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
HANGS_S = 120.0
LOOKS_EVERY_S = 0.002


@dataclass(frozen=True, slots=True)
class Ended:
    """How a piece of work ended.

    Attributes:
        code: the exit code; minus the signal that killed it; None where it hung and was killed.
        out: what it wrote to stdout.
        err: what it wrote to stderr.
        left_running: how many processes it left, which have been killed.
    """

    code: int | None
    out: str
    err: str
    left_running: int = 0

    @property
    def has_traceback(self) -> bool:
        """Whether a person would have seen a traceback."""
        return "Traceback (most recent call last)" in self.out + self.err


class WarmParent:
    """Starts work as children of this process, which must have one thread: a fork has no other.

    Args:
        root: the folder in which they run.
        notes: a folder outside it, for what they write to the terminal.
    """

    def __init__(self, root: Path, notes: Path):
        self.root, self._notes = root, notes
        if threading.active_count() != 1:
            raise RuntimeError(f"other threads are running: {threading.enumerate()}")
        # What a killed child started is then a child of this process, which can end it.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        gc.collect()
        gc.freeze()

    def start(self, work: Callable[[], int]) -> int:
        """Starts work in a session of its own; returns its process id.

        Args:
            work: returns the exit code.
        """
        pid = os.fork()
        if pid == 0:
            self._be_child(work)
        return pid

    def wait(self, pid: int, timeout_s: float = HANGS_S) -> Ended:
        """Waits for a child, and for no longer than `timeout_s`; ends what it left running."""
        until, done, status = time.monotonic() + timeout_s, 0, 0
        while not done and time.monotonic() < until:
            done, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0 if done else LOOKS_EVERY_S)
        if not done:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        left_running = end_children()
        out, err = ((self._notes / name).read_text("utf-8", errors="replace") for name in ("out", "err"))
        return Ended(os.waitstatus_to_exitcode(status) if done else None, out, err, left_running)

    def run(self, work: Callable[[], int]) -> Ended:
        """Starts work and waits for it."""
        return self.wait(self.start(work))

    def _be_child(self, work: Callable[[], int]) -> None:
        code = 1
        try:
            os.setsid()
            os.chdir(self.root)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(self._notes / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            code = work()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


def children(pid: int) -> list[int]:
    """Returns the processes that a process has started, or adopted."""
    found: list[int] = []
    with suppress(OSError):
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, listing.read_text().split())
    return found


def end_children() -> int:
    """Kills the children of this process and waits for them; returns how many were still running."""
    running = 0
    for pid in children(os.getpid()):
        with suppress(OSError):
            done, _ = os.waitpid(pid, os.WNOHANG)
            if not done:
                running += 1
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    return running
