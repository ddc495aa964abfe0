"""The command line as a process of its own, without the four seconds that its imports take: forked where they are done.

What is killed, stopped or watched is a real process, with its own streams, folder and environment. It lacks the start
and the end of an interpreter: a test of those runs `python -m vgpipe`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import TemporaryFile

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["tests.forked_imports"])


class Forked:
    """A running command line; what of `subprocess.Popen` the tests use.

    Args:
        arguments: after `python -m vgpipe`.
        cwd: its working directory.
        environment: in the place of this process's.
    """

    def __init__(self, arguments: list[str], cwd: Path, environment: Mapping[str, str] | None = None):
        self._streams = [TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115  closed with it
        given = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in self._streams]
        told = (arguments, str(cwd), dict(os.environ if environment is None else environment), given)
        self._process: ForkServerProcess = FORKING.Process(target=_run, args=told)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Looks whether it has ended."""
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for its end; returns what it wrote to stdout and stderr."""
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired("vgpipe", timeout or 0.0)
        for stream in self._streams:
            stream.seek(0)
        out, err = (stream.read() for stream in self._streams)
        return out, err


def _run(arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """Is the command line, in the forked process."""
    from vgpipe.cli import main

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams, 1):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1) for number in (1, 2))
    sys.exit(main(arguments))
