"""A started worker process as its driver sees it, and how it is started where no host forks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol, cast

from vgpipe.executor.library_environment import DEFAULTS
from vgpipe.executor.workers.channel import Channel

WORKER_PROCESS = "vgpipe.executor.workers.worker_process"
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""Windows has no signals: either ends a process at once."""


class StartedProcess(Protocol):
    """A worker process.

    Attributes:
        channel: to the worker.
        output: what it writes to stdout and stderr.
    """

    channel: Channel
    output: BinaryIO

    def wait(self, timeout_s: float) -> int | None:
        """Waits for its end; returns the exit code as `subprocess` has it, None where that is not known by then."""

    def signal(self, number: int) -> None:
        """Sends a signal; does nothing once it has ended."""

    def obituary(self) -> str:
        """Returns why it ended where its exit code does not tell; empty where that does."""


StartProcess = Callable[[], StartedProcess]


class SpawnedProcess:
    """A worker in an interpreter of its own, which takes the time to import everything.

    Raises:
        OSError: on construction, where it cannot be started.
    """

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", WORKER_PROCESS],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=library_environment(),
            start_new_session=True,  # the driver answers what a terminal sends
        )
        pipes = (self._process.stdout, self._process.stdin, self._process.stderr)
        reader, writer, self.output = cast(tuple[BinaryIO, BinaryIO, BinaryIO], pipes)
        self.channel = Channel(reader, writer)

    def wait(self, timeout_s: float) -> int | None:
        """Waits for its end; returns the exit code as `subprocess` has it, None where it has not ended by then."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def signal(self, number: int) -> None:
        """Sends a signal; does nothing once it has ended."""
        with suppress(OSError):
            self._process.send_signal(number)

    def obituary(self) -> str:
        """Returns nothing: its exit code tells."""
        return ""


def library_environment() -> dict[str, str]:
    """Returns this process's environment with what vgpipe sets of the libraries, as far as the user has not."""
    return {**DEFAULTS, **os.environ}
