"""The driver's side of the host of workers: starts it, has it fork, and hears from it how each worker ended."""

from __future__ import annotations

import atexit
import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from vgpipe.executor.workers.channel import Channel
from vgpipe.executor.workers.output import Output, ending
from vgpipe.executor.workers.started import library_environment

log = logging.getLogger(__name__)

HOST = "vgpipe.executor.workers.host"
MODULES = ("vgpipe.executor.workers.worker", "vgpipe.executor.workers.sent_logs")
"""What every worker imports."""
PACKET = 65_536
END_S = 10.0
"""Seconds that the host has to end with its workers."""


class ForkedProcess:
    """A worker process that the host forks; a `StartedProcess`.

    Args:
        host: forks it.
        number: which start of the host it is.
        channel: to the worker.
        output: what it writes.
    """

    def __init__(self, host: HostProcess, number: int, channel: Channel, output: BinaryIO):
        self.channel, self.output = channel, output
        self._host, self._number = host, number
        self._ended = threading.Event()
        self._code: int | None = None
        self._why = ""

    def wait(self, timeout_s: float) -> int | None:
        """Waits for its end; returns its exit code, None where that is not known by then, or never will be."""
        self._ended.wait(timeout_s)
        return self._code

    def signal(self, number: int) -> None:
        """Sends a signal; where the host has gone, ends the worker by the end of its channel."""
        if not self._ended.is_set():
            self._host.tell({"kill": self._number, "signal": number})

    def obituary(self) -> str:
        """Returns why it ended where its exit code does not tell."""
        return self._why

    def has_ended(self, code: int | None, why: str = "") -> None:
        """Notes its end; one without an exit code is hung up on, since it may still live."""
        self._code, self._why = code, why
        self._ended.set()
        if code is None:
            self.channel.hang_up()


class HostProcess:
    """A running host.

    Args:
        imports: what it imports for its workers: modules of vgpipe; classes of the libraries, `library:Class`.

    Raises:
        OSError: on construction, where it cannot be started.
    """

    def __init__(self, imports: Iterable[str] = MODULES):
        self.environment = dict(os.environ)
        self._workers: dict[int, ForkedProcess] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", HOST, str(theirs.fileno()), *imports],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=library_environment(),
                start_new_session=True,  # the driver answers what a terminal sends
            )
        self._why = ""
        output: Any = self._process.stdout
        self._output = Output(output, lambda line: log.debug("host of workers: %s", line))
        self._listener = threading.Thread(target=self._listen, name="host of workers", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it takes requests."""
        return not self._why

    def fork(self) -> ForkedProcess:
        """Has a worker forked; returns at once, also while the host still imports.

        Raises:
            OSError: where the system has no more descriptors.
        """
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        worker = ForkedProcess(self, next(self._numbers), Channel.over(ours), os.fdopen(read, "rb"))
        with self._lock:
            if not self._why:
                self._workers[worker._number] = worker
        with theirs:
            asked = {"start": worker._number, "folder": os.getcwd()}
            with suppress(OSError):
                socket.send_fds(self._control, [json.dumps(asked).encode()], [theirs.fileno(), write])
            os.close(write)
        if self._why:
            worker.has_ended(None, self._why)
        return worker

    def tell(self, fact: dict[str, Any]) -> None:
        """Sends the host a packet; does nothing where it has gone."""
        with suppress(OSError):
            self._control.send(json.dumps(fact).encode())

    def close(self) -> None:
        """Ends it, and the workers that it still has; at once where it has none, for it may still import."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        with self._lock:
            seconds = END_S if self._workers else 0.0
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listener.join()
        self._control.close()

    def forget(self) -> None:
        """Leaves the host to the parent: in a forked process, whose copy of the connection would keep it alive."""
        self._control.close()
        self._process.returncode = 0  # it is no child of this process: nothing is to be waited for

    def _listen(self) -> None:
        while packet := self._received():
            fact = json.loads(packet)
            number = fact.get("ended", fact.get("failed"))
            with self._lock:
                worker = self._workers.pop(number)
            worker.has_ended(fact.get("code"), f"cannot be started: {fact['error']}" if "error" in fact else "")
        code = self._process.wait()
        self._output.close()
        with self._lock:
            self._why = f"the process that it was forked from ended: {ending(code, self._output.last_line)}"
            workers = list(self._workers.values())
        for worker in workers:
            worker.has_ended(None, self._why)

    def _received(self) -> bytes:
        with suppress(OSError):
            return self._control.recv(PACKET)
        return b""


class _Kept:
    """The host of this process, from run to run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.host: HostProcess | None = None

    def forget(self) -> None:
        host, self.host, self.lock = self.host, None, threading.Lock()
        if host is not None:
            host.forget()


_KEPT = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_KEPT.forget)


def can_fork() -> bool:
    """Says whether workers are forked: on Linux alone, for the frameworks of macOS do not survive it."""
    return sys.platform == "linux" and hasattr(socket, "send_fds")


def start_host(classes: Iterable[str] = ()) -> HostProcess | None:
    """Starts the host of workers, unless it runs already with the environment that this process has now.

    Args:
        classes: of the libraries, `library:Class`, that its workers will need.

    Returns:
        The host; None where none can be had.
    """
    if not can_fork():
        return None
    with _KEPT.lock:
        host = _KEPT.host
        if host is not None and (not host.is_alive or host.environment != dict(os.environ)):
            host.close()
            host = None
        if host is None:
            with suppress(OSError):
                host = HostProcess([*MODULES, *classes])
        if _KEPT.host is None and host is not None:
            atexit.register(end_host)
        _KEPT.host = host
        return host


def end_host() -> None:
    """Ends the host of this process, if there is one."""
    with _KEPT.lock:
        host, _KEPT.host = _KEPT.host, None
        atexit.unregister(end_host)
    if host is not None:
        host.close()
