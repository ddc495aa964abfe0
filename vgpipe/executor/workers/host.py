"""The host of the workers of this machine: imports once what each of them needs, then forks one where the driver asks.

`host_process.py` starts it as `python -m vgpipe.executor.workers.host SOCKET [MODULE or LIBRARY:CLASS ...]`. It runs
nothing parallel, for the threads of OpenMP do not survive a fork, and does not touch CUDA, which does not either.

Packets are JSON. From the driver: {"start": number, "folder": working directory}, with the worker's connection and the
descriptor for its output; {"kill": number, "signal": number}. To the driver: {"ended": number, "code": as of
`subprocess`}, {"failed": number, "error": text}.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NoReturn

PACKET = 65_536
SEE_OFF_S = 8.0
"""Seconds that workers have to end once the driver has gone; each that sees it ends by itself sooner."""
POLL_S = 0.1
WORKER_PROCESS = "vgpipe.executor.workers.worker_process"


def import_all(names: Iterable[str]) -> None:
    """Imports what workers need; a worker itself reports what cannot be imported.

    Args:
        names: modules of vgpipe; classes of the libraries, `library:Class`.
    """
    gc.disable()
    for name in names:
        with suppress(Exception):
            _import(name)
    gc.freeze()  # a collection in a child would write to, and so copy, the pages of all these objects
    gc.enable()


def _import(name: str) -> None:
    module, _, class_name = name.partition(":")
    if not class_name:
        importlib.import_module(module)
        return
    from vgpipe.models.checkpoint.installed_classes import class_of

    class_of(module, class_name)


class Server:
    """Forks workers, and tells the driver how each ended.

    Args:
        control: connection to the driver, of packets.
    """

    def __init__(self, control: socket.socket):
        self._control = control
        self._numbers: dict[int, int] = {}
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)

    def serve(self) -> socket.socket | None:
        """Serves until the driver has gone.

        Returns:
            In a forked process, the connection to its driver; None at the end of the host itself.
        """
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._reap()
                if self._control in ready:
                    packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET, 2)
                    if not packet:
                        break
                    connection = self._answer(json.loads(packet), descriptors)
                    if connection is not None:
                        return connection
        self._see_off()
        return None

    def _answer(self, asked: dict[str, Any], descriptors: list[int]) -> socket.socket | None:
        if "kill" in asked:
            for pid in [pid for pid, number in self._numbers.items() if number == asked["kill"]]:
                os.kill(pid, asked["signal"])
            return None
        try:
            pid = os.fork()
        except OSError as error:
            pid = -1
            self._tell({"failed": asked["start"], "error": str(error)})
        if pid == 0:
            self._become_worker(descriptors[1], asked["folder"])
            return socket.socket(fileno=descriptors[0])
        if pid > 0:
            self._numbers[pid] = asked["start"]
        for one in descriptors:
            os.close(one)
        return None

    def _become_worker(self, output: int, folder: str) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for one in (self._woken, self._wake):
            os.close(one)
        self._control.close()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        with suppress(OSError):  # it may be gone; paths are absolute
            os.chdir(folder)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, PACKET)
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._tell({"ended": self._numbers.pop(pid), "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, fact: dict[str, Any]) -> None:
        with suppress(OSError):
            self._control.send(json.dumps(fact).encode())

    def _see_off(self) -> None:
        """Has the workers leave, and kills those that do not."""
        for pid in self._numbers:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + SEE_OFF_S
        while self._numbers and time.monotonic() < until:
            time.sleep(POLL_S)
            self._reap()
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)
        while self._numbers:
            self._numbers.pop(os.waitpid(-1, 0)[0], None)


def _is_cuda_unusable() -> bool:
    """Says whether a library has asked CUDA for devices while it was imported, which no forked process can repeat."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda._is_in_bad_fork()


def start_afresh(connection: socket.socket) -> NoReturn:
    """Runs a new interpreter in this process, with the connection as its stdin and stdout."""
    for number in (0, 1):
        os.dup2(connection.fileno(), number)
    os.execv(sys.executable, [sys.executable, "-m", WORKER_PROCESS])


def main(arguments: list[str]) -> int:
    """Serves as the host; in the processes that it forks, works.

    Args:
        arguments: descriptor of the connection to the driver; what to import.

    Returns:
        The exit code of whichever process it is.
    """
    from vgpipe.executor.workers.channel import Channel
    from vgpipe.executor.workers.worker_process import work

    # A terminal, or SLURM, sends these to all processes: workers answer for themselves, the host ends with its driver.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=int(arguments[0]))
    import_all(arguments[1:])
    connection = Server(control).serve()
    if connection is None:
        return 0
    if _is_cuda_unusable():
        start_afresh(connection)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it was a file of Python's own
    return work(Channel.over(connection))


if __name__ == "__main__":
    from vgpipe.executor.workers.worker_process import end

    end(main(sys.argv[1:]))
