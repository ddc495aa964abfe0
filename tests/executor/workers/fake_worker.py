"""A worker that obeys, for tests of the processes that workers run in."""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import signal
import sys
import time
import warnings
from contextlib import suppress

from vgpipe.executor.workers import worker_process
from vgpipe.executor.workers.messages import End, Event, Ready, StopNow


def open_files():
    """Returns what this process has open."""
    found = []
    for one in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{one}"))
    return found


class FakeWorker:
    """Obeys each `StopNow` by its reason; reports itself and what it saw in events."""

    def __init__(self, settings, send):
        self._settings, self._send, self._inbox = settings, send, queue.SimpleQueue()

    def deliver(self, message):
        self._inbox.put(message)

    def leave(self, reason):
        self._inbox.put(StopNow(f"left {reason}"))

    def run(self):
        facts = {
            "folder": os.getcwd(),
            "session": os.getsid(0),
            "stdin": os.readlink("/proc/self/fd/0"),
            "parent": os.getppid(),
            "files": open_files(),
            "waits": os.environ.get("OMP_WAIT_POLICY"),
        }
        self._send(Ready(device="none", host="here", pid=os.getpid(), memory_gb=None, versions={}, conditions=facts))
        while not isinstance(message := self._inbox.get(), End):
            word, _, rest = message.reason.partition(" ")
            getattr(self, f"do_{word}")(rest)

    def do_say(self, text):
        self._send(Event(text, {}))

    def do_left(self, reason):
        self._send(Event("left", {"reason": reason}))
        self._inbox.put(End())

    def do_log(self, text):
        logging.getLogger("vgpipe.somewhere").debug(text)
        logging.getLogger("diffusers.somewhere").warning(text)
        warnings.warn(text, stacklevel=1)

    def do_print(self, text):
        print(text)
        sys.stderr.write(f"{text} again\n")

    def do_raise(self, text):
        raise RuntimeError(text)

    def do_abort(self, text):
        ctypes.CDLL(None).write(2, text.encode(), len(text))
        os.abort()

    def do_hang(self, _rest):
        worker_process.ORPHAN_S = 0.5
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        time.sleep(60)
