"""Passes a request to stop on to the workers that launchers have started on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from vgpipe.executor.cancel_token import CancelToken

POLL_S = 0.5
SENT_TO_ONE = ("SIGTERM", "SIGHUP")
"""Signals that one process may get alone; what a closed terminal sends to all, a worker takes once."""
WORKERS = ("popen_loky", "submitit.local._local")
"""What the command line of a worker of joblib holds, and that of the process of submitit that passes signals on."""


@contextmanager
def workers_stopped_with(stop: CancelToken) -> Iterator[None]:
    """Sends SIGTERM to the workers once this process has had one, or SIGHUP; Ctrl-C reaches them by itself."""
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(stop, ended), name="workers", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(stop: CancelToken, ended: threading.Event) -> None:
    while not ended.wait(POLL_S):
        if stop.reason:
            if stop.reason.startswith(SENT_TO_ONE):
                terminate_workers()
            return


def terminate_workers() -> None:
    """Sends SIGTERM to the workers among the child processes; those of a cluster are not reached."""
    import psutil

    for child in psutil.Process().children():
        with suppress(psutil.Error):
            command = " ".join(child.cmdline())
            if any(name in command for name in WORKERS):
                child.terminate()
