"""A place where workers run: processes of this machine."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from vgpipe.executor.workers.host_process import start_host
from vgpipe.executor.workers.messages import (
    Died,
    End,
    FromWorker,
    LogLine,
    ToWorker,
    WorkerSettings,
)
from vgpipe.executor.workers.output import Output, ending
from vgpipe.executor.workers.pool import Slot
from vgpipe.executor.workers.started import KILL, SpawnedProcess, StartedProcess, StartProcess
from vgpipe.hardware.host import memory_kills

WORKER = "vgpipe.executor.workers.worker:Worker"
ENDED_S = 10.0
"""Seconds between the end of a worker's connection and that of its process, after which it is killed."""
END_S, LEAVE_S, KILL_S = 2.0, 5.0, 5.0
"""Seconds that workers have, when the pool is closed, to end by themselves; after SIGTERM; after SIGKILL."""
OUTPUT = "vgpipe.worker"

Incoming = SimpleQueue[tuple[str, FromWorker]]


def start_process() -> StartedProcess:
    """Starts a worker process: forked from the host where there is one, else with an interpreter of its own.

    Raises:
        OSError: where the system has no room for one.
    """
    host = start_host()
    return host.fork() if host is not None else SpawnedProcess()


class ProcessPool:
    """Runs workers as processes of this machine; a `WorkerPool`.

    Args:
        slots: where they run.
        start: starts a process.
        worker: class of the worker, `module:name`, which the process imports.
    """

    def __init__(self, slots: Sequence[Slot], start: StartProcess = start_process, worker: str = WORKER):
        self._slots, self._start, self._worker = tuple(slots), start, worker
        self._incoming: Incoming = SimpleQueue()
        self._running: dict[str, _Running] = {}

    def slots(self) -> Sequence[Slot]:
        """Returns the places that there are."""
        return self._slots

    def start(self, slot: Slot, settings: WorkerSettings) -> None:
        """Starts a worker in a slot that has none; returns at once. Its last message is a `Died`."""
        try:
            process = self._start()
        except OSError as error:
            self._incoming.put((slot.name, Died(f"cannot be started: {error}")))
            return
        self._running[slot.name] = _Running(slot.name, process, self._incoming)
        process.channel.send((self._worker, settings))

    def send(self, slot: str, message: ToWorker) -> None:
        """Sends to the worker of a slot; what is sent to a dead one is dropped."""
        if slot in self._running:
            self._running[slot].process.channel.send(message)

    def receive(self, timeout_s: float) -> list[tuple[str, FromWorker]]:
        """Returns what has come in, each with the name of its slot; waits for the first at most so long."""
        received = []
        with suppress(Empty):
            received.append(self._incoming.get(timeout=timeout_s))
            while True:
                received.append(self._incoming.get_nowait())
        for name, message in received:
            if isinstance(message, Died):
                self._running.pop(name, None)
        return received

    def kill(self, slot: str) -> None:
        """Ends the worker of a slot at once; a `Died` follows."""
        if slot in self._running:
            self._running[slot].process.signal(KILL)

    def close(self) -> None:
        """Ends all workers: those at work get SIGTERM, those that do not answer it are killed."""
        running = list(self._running.values())
        for one in running:
            one.process.channel.send(End())
        for seconds, number in ((END_S, signal.SIGTERM), (LEAVE_S, KILL), (KILL_S, None)):
            until = time.monotonic() + seconds
            for one in running:
                one.thread.join(max(0.0, until - time.monotonic()))
            for one in running:
                if one.thread.is_alive() and number is not None:
                    one.process.signal(number)
        self._running.clear()


class _Running:
    """A worker that was started.

    Attributes:
        process: its process.
        thread: reads what it sends until its end.
    """

    def __init__(self, name: str, process: StartedProcess, incoming: Incoming):
        self.process = process
        self._name, self._incoming = name, incoming
        self._memory_kills = memory_kills()
        self.thread = threading.Thread(target=self._follow, name=f"messages of {name}", daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        process, put = self.process, lambda message: self._incoming.put((self._name, message))
        output = Output(process.output, lambda line: put(LogLine(OUTPUT, logging.DEBUG, line, time.time())))
        unreadable = ""
        try:
            for message in process.channel.messages():
                put(message)
        except Exception as error:  # whatever a message raises that this process cannot build
            unreadable = f"sent what cannot be read: {error}"
            process.signal(KILL)
        code = process.wait(ENDED_S)
        if code is None:
            process.signal(KILL)
            code = process.wait(ENDED_S)
        output.close()
        process.channel.close()
        reason = unreadable or process.obituary() or _reason(code, output.last_line)
        put(Died(reason, by_memory=code == -KILL and self._has_memory_killed()))

    def _has_memory_killed(self) -> bool:
        """Says whether the system has killed a process for want of memory since this one was started."""
        before, now = self._memory_kills, memory_kills()
        return before is not None and now is not None and now > before


def _reason(code: int | None, last_line: str) -> str:
    if code is None:
        return "does not end"
    return ending(code, last_line) if code else "ended"
