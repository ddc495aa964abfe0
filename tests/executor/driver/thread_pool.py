"""Real workers in threads of the test's process, which a test can have die at any message."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from vgpipe.executor.workers.messages import Died
from vgpipe.executor.workers.worker import Worker

Dies = Callable[[str, Any], str]
"""Is given each message of a worker that is about to be sent; returns why the worker dies before, or nothing."""


class ThreadPool:
    """Runs workers in threads; a `WorkerPool`. What a dead one still makes reaches the store, as from a real one."""

    dies: Dies = staticmethod(lambda _slot, _message: "")
    pools: list[ThreadPool] = []  # noqa: RUF012

    def __init__(self, slots: Sequence[Any]):
        self._slots = tuple(slots)
        self._incoming: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._workers: dict[str, tuple[Worker, threading.Thread]] = {}
        self.starts: Counter[str] = Counter()
        self.sent: list[tuple[str, Any]] = []
        self.received: list[tuple[str, Any]] = []
        self.settings: list[Any] = []
        self.pools.append(self)

    def slots(self):
        return self._slots

    def start(self, slot, settings) -> None:
        self.starts[slot.name] += 1
        self.settings.append(settings)
        dead = threading.Event()

        def send(message) -> None:
            if dead.is_set():
                raise SystemExit  # ends the thread, wherever it is
            if reason := self.dies(slot.name, message):
                dead.set()
                self._incoming.put((slot.name, Died(reason)))
                raise SystemExit
            self._incoming.put((slot.name, message))

        worker = Worker(settings, send)

        def run() -> None:
            with suppress(SystemExit):
                worker.run()
            if not dead.is_set():
                self._incoming.put((slot.name, Died("ended")))

        thread = threading.Thread(target=run, name=slot.name, daemon=True)
        self._workers[slot.name] = worker, thread
        thread.start()

    def send(self, slot: str, message) -> None:
        self.sent.append((slot, message))
        self._workers[slot][0].deliver(message)

    def receive(self, timeout_s: float):
        try:
            found = [self._incoming.get(timeout=timeout_s)]
        except Empty:
            return []
        self.received += found
        return found

    def kill(self, slot: str) -> None:
        self._incoming.put((slot, Died("killed")))

    def close(self) -> None:
        from vgpipe.executor.workers.messages import End

        for worker, thread in self._workers.values():
            worker.deliver(End())
            thread.join(20)
