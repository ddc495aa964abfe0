"""What runs on a node of a cluster: a worker in an actor, and a look at whether the node sees the driver's store."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import ray

from vgpipe.errors import StoreError
from vgpipe.executor.workers.brought_files import brought_file
from vgpipe.executor.workers.messages import FromWorker, Granted, HandOut, ToWorker, WorkerSettings
from vgpipe.executor.workers.remote_store import RemoteStore
from vgpipe.executor.workers.store_messages import Answer, Request
from vgpipe.stages import file_copies
from vgpipe.store.artifacts import Store
from vgpipe.store.durable import make_folder

log = logging.getLogger(__name__)

SAME_AS_DRIVER = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY")
"""The environment variables on which the bits, or the speed, of a CPU depend; Ray sets the first one."""
GROUPS = {"begin": 1, "deliver": 1, "messages": 1, "exchange": 1}
"""Method -> threads: a single one each, so that what is delivered stays in order, and no wait blocks another method."""
MOST_MESSAGES = 1000
"""Of one answer to the driver."""
GATHERED_S = 0.01
"""While messages gather, once the first is there."""


class RunsInActor(Protocol):
    """What of a worker is used here."""

    def __init__(
        self, settings: WorkerSettings, send: Callable[[FromWorker], object], store: Store | None = None
    ) -> None:
        """Takes what the worker needs to know, what carries its messages, and its store."""

    def run(self) -> None:
        """Works until it is asked to end, or to leave."""

    def deliver(self, message: ToWorker) -> None:
        """Takes a message of the driver; called from another thread."""

    def leave(self, reason: str) -> None:
        """Asks for an orderly stop, after which `run` returns; called from another thread."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an actor gets at its start.

    Attributes:
        worker: class of the worker, `module:name`.
        settings: of the worker, paths as the driver has them.
        shares_store: whether it sees the driver's store folder.
        store_dir: its store where it does not; None: below vgpipe's cache folder of its machine.
    """

    worker: str
    settings: WorkerSettings
    shares_store: bool
    store_dir: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The last message of an actor.

    Attributes:
        reason: why the worker ended; "" where it ended as it should.
        is_hopeless: whether another one in its place would end for the same reason.
    """

    reason: str = ""
    is_hopeless: bool = False


class _Unfit(Exception):
    """The node lacks something that no restart brings."""


class WorkerActor:
    """A worker with its messages; the methods run in threads of Ray, each group in one of its own, in order.

    Args:
        environment: name -> value of `SAME_AS_DRIVER`; None: not set.
    """

    def __init__(self, environment: Mapping[str, str | None]):
        from vgpipe.executor.library_environment import set_library_environment

        for name, value in environment.items():  # before torch is imported, which reads them once
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        set_library_environment()
        self._outbox: list[FromWorker | Ended] = []
        self._first = 1
        self._news = threading.Condition()
        self._questions = _Questions()
        self._worker: RunsInActor | None = None
        self._store: RemoteStore | None = None
        self._store_root: Path | None = None
        self._is_over = False
        # Ray runs this in the main thread. The terminal's Ctrl-C is for the driver, which tells its workers.
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, lambda *_: self.leave("SIGTERM received"))
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    @ray.method(concurrency_group="begin")
    def begin(self, work: Work) -> str:
        """Starts the worker in a thread; returns the name of its machine."""
        threading.Thread(target=self._run, args=(work,), name="worker", daemon=True).start()
        return socket.gethostname()

    @ray.method(concurrency_group="deliver")
    def deliver(self, message: ToWorker) -> None:
        """Hands a message of the driver to the worker."""
        if self._worker is None:
            with self._news:
                self._news.wait_for(lambda: self._worker is not None or self._is_over)
        if self._worker is None:
            return
        if self._store is not None and isinstance(message, HandOut):
            self._store.ask_again()
        if self._store is not None and isinstance(message, Granted):
            self._store.ask_again(message.digest)
        if isinstance(message, HandOut):
            self._bring_files(message)
        self._worker.deliver(message)

    def leave(self, reason: str) -> None:
        """Asks the worker for an orderly stop."""
        if self._worker is not None:
            self._worker.leave(reason)

    @ray.method(concurrency_group="messages")
    def messages(self, after: int, timeout_s: float) -> tuple[int, list[FromWorker | Ended]]:
        """Returns what the worker has sent; waits for the first message.

        Args:
            after: number of the last message that the driver has; asked again, nothing is lost.
            timeout_s: seconds to wait at most.

        Returns:
            The number of the last one, and the messages.
        """
        with self._news:
            del self._outbox[: after + 1 - self._first]
            self._first = after + 1
            if not self._outbox:
                self._news.wait_for(lambda: bool(self._outbox), timeout_s)
                self._news.wait_for(lambda: len(self._outbox) >= MOST_MESSAGES, GATHERED_S)
            found = self._outbox[:MOST_MESSAGES]
            return after + len(found), found

    @ray.method(concurrency_group="exchange")
    def exchange(self, number: int, answer: Answer) -> tuple[int, Request]:
        """Takes the answer to a request to the driver's store, and returns the next one when there is one.

        Args:
            number: of the request that is answered; asked again, nothing is lost.
            answer: of the driver.
        """
        return self._questions.exchange(number, answer)

    def _send(self, message: FromWorker | Ended) -> None:
        with self._news:
            self._outbox.append(message)
            self._news.notify_all()

    def _run(self, work: Work) -> None:
        from vgpipe.executor.workers.sent_logs import logs_sent

        with logs_sent(self._send):
            ended = self._made(work)
            self._flush()
        self._send(ended)
        with self._news:
            self._is_over = True
            self._news.notify_all()

    def _made(self, work: Work) -> Ended:
        """Has the worker make clips; returns how it ended."""
        try:
            worker = self._opened(work)
            with self._news:
                self._worker = worker
                self._news.notify_all()
            worker.run()
        except _Unfit as error:
            return Ended(str(error), is_hopeless=True)
        except Exception as error:  # whatever it is, the driver tells the user, and continues with others
            log.debug("traceback of a worker", exc_info=error)
            return Ended(f"{type(error).__name__}: {error}")
        return Ended()

    def _opened(self, work: Work) -> RunsInActor:
        settings = work.settings
        _require_model(settings)
        self._store_root = Path(settings.config.store.dir)
        if not work.shares_store:
            root = self._store_root = _own_store(work.store_dir)
            self._store = RemoteStore(root, self._questions.ask)
            self._store.sweep_leftovers()
            store = replace(settings.config.store, dir=str(root))
            settings = replace(settings, config=replace(settings.config, store=store))
        return _class(work.worker)(settings, self._sent_after_files, self._store)

    def _sent_after_files(self, message: FromWorker) -> None:
        """Sends a message of the worker; the end of a clip only once the driver has its checkpoint."""
        from vgpipe.executor.workers.messages import ClipEnded, HandOutEnded

        if isinstance(message, ClipEnded | HandOutEnded):
            self._flush()
        self._send(message)

    def _flush(self) -> None:
        if self._store is not None:
            self._store.flush()

    def _bring_files(self, hand_out: HandOut) -> None:
        """Brings the images and videos that clips are given and this node lacks; a clip without one says so itself."""
        root = self._store_root
        clips = [one for item in hand_out.items for one in (item.clip, item.requested)]
        for given in dict.fromkeys(one for clip in clips for one in clip.given_files):
            if root is None or given.sha256 is None or os.path.isfile(given.path):
                continue
            with suppress(StoreError, OSError):
                file_copies.use_copy(given.sha256, brought_file(self._questions.ask, root, given.sha256))


class _Questions:
    """Requests to the driver's store, one at a time; each waits for its answer."""

    def __init__(self) -> None:
        self._turn, self._news = threading.Lock(), threading.Condition()
        self._number = 0
        self._request: Request | None = None
        self._answer: Answer = None

    def ask(self, request: Request) -> Answer:
        """Returns the driver's answer; called from the threads of the worker."""
        with self._turn, self._news:
            self._number += 1
            self._request = request
            self._news.notify_all()
            self._news.wait_for(lambda: self._request is None)
            return self._answer

    def exchange(self, number: int, answer: Answer) -> tuple[int, Request]:
        """Takes an answer and returns the next request; an answer that came before is left alone."""
        with self._news:
            if number == self._number and self._request is not None and number:
                self._request, self._answer = None, answer
                self._news.notify_all()
            self._news.wait_for(lambda: self._request is not None)
            if self._request is None:
                raise RuntimeError("a request that was there has gone")
            return self._number, self._request


def look_at_store(probe: str, content: str) -> bool:
    """Says whether this node sees a file that the driver has written into its store."""
    with suppress(OSError, ValueError):
        return Path(probe).read_text("utf-8") == content
    return False


def _own_store(given: str | None) -> Path:
    from vgpipe.outside_file import expanded
    from vgpipe.user_cache import user_cache_folder

    root = (user_cache_folder() / "store" if given is None else expanded(given)).absolute()
    try:
        make_folder(root)
    except OSError as error:
        raise _Unfit(f"its store {root} cannot be made: {error} -> executor.worker_store_dir=DIR") from error
    return root


def _require_model(settings: WorkerSettings) -> None:
    folder = settings.load_plan.config.id
    if os.path.isabs(folder) and not os.path.isdir(folder):
        raise _Unfit(f"it has no folder {folder}, which model.id names: copy the model there, or share the folder")


def _class(name: str) -> type[RunsInActor]:
    module, _, attribute = name.partition(":")
    found: Any = getattr(importlib.import_module(module), attribute)
    return found
