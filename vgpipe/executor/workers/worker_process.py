"""The main program of a worker process: the worker in the main thread, its messages and its end in others.

Forked by the host (`host.py`), or started as `python -m vgpipe.executor.workers.worker_process`, which then talks to
its driver over stdin and stdout.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Protocol

from vgpipe.executor.workers.channel import Channel
from vgpipe.executor.workers.messages import FromWorker, ToWorker, WorkerSettings

ORPHAN_S = 5.0
"""Seconds that a worker has for an orderly end once its driver has gone."""
ORPHANED = "its driver has gone"
FAILED, ENDED_ORPHANED = 1, 3


class RunsInProcess(Protocol):
    """What of a worker is used here."""

    def __init__(self, settings: WorkerSettings, send: Callable[[FromWorker], object]) -> None:
        """Takes what the worker needs to know, and what carries its messages."""

    def run(self) -> None:
        """Works until it is asked to end, or to leave."""

    def deliver(self, message: ToWorker) -> None:
        """Takes a message of the driver; called from another thread."""

    def leave(self, reason: str) -> None:
        """Asks for an orderly stop, after which `run` returns; called from another thread."""


def work(channel: Channel) -> int:
    """Runs the worker that the first message names, until it ends.

    Args:
        channel: to the driver; the first message is (class of the worker, `module:name`; its settings).

    Returns:
        The exit code of the process.

    Side effects:
        Answers SIGTERM; ignores SIGINT, which the terminal sends to all processes, and which the driver answers.
    """
    reasons: SimpleQueue[str] = SimpleQueue()  # a handler may interrupt whatever holds a lock; putting needs none
    signal.signal(signal.SIGTERM, lambda *_: reasons.put("SIGTERM received"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        messages = channel.messages()
        first = next(messages, None)
        if first is not None:
            name, settings = first
            _run(name, settings, channel, messages, reasons)
    except Exception:
        traceback.print_exc()  # goes to the driver with all that is written to stderr
        return FAILED
    return 0


def end(code: int) -> None:
    """Ends the process without the costly end of the interpreter; nothing on the disk needs that."""
    from vgpipe.exporters.orphans import ORPHANS

    ORPHANS.close()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _run(
    name: str, settings: WorkerSettings, channel: Channel, messages: Iterator[ToWorker], reasons: SimpleQueue[str]
) -> None:
    from vgpipe.executor.workers.sent_logs import logs_sent

    with logs_sent(channel.send):
        worker = _class(name)(settings, channel.send)
        for task in (lambda: _deliver(messages, worker, reasons), lambda: _leave(worker, reasons)):
            threading.Thread(target=task, daemon=True).start()
        worker.run()


def _deliver(messages: Iterator[ToWorker], worker: RunsInProcess, reasons: SimpleQueue[str]) -> None:
    for message in messages:
        worker.deliver(message)
    reasons.put(ORPHANED)
    time.sleep(ORPHAN_S)
    os._exit(ENDED_ORPHANED)


def _leave(worker: RunsInProcess, reasons: SimpleQueue[str]) -> None:
    while True:
        worker.leave(reasons.get())


def _class(name: str) -> type[RunsInProcess]:
    module, _, attribute = name.partition(":")
    found: Any = getattr(importlib.import_module(module), attribute)
    return found


def main() -> int:
    """Talks to the driver over what were stdin and stdout; what is printed from now on goes to stderr."""
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return work(channel)


if __name__ == "__main__":
    end(main())
