"""A request to stop reaches the workers of a launcher."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vgpipe.commands.worker_signals import workers_stopped_with
from vgpipe.executor.cancel_token import CancelToken

SLEEP = "import time; time.sleep(60)"


@pytest.mark.parametrize(("reason", "is_passed_on"), [("SIGTERM received", True), ("SIGINT received", False)])
def test_sigterm_is_passed_on_to_workers_and_to_nobody_else(reason, is_passed_on):
    worker = subprocess.Popen([sys.executable, "-c", SLEEP, "popen_loky_posix"])
    other = subprocess.Popen([sys.executable, "-c", SLEEP, "ffmpeg"])
    stop = CancelToken()
    try:
        with workers_stopped_with(stop):
            stop.cancel(reason)
            if is_passed_on:
                assert worker.wait(10) != 0
        assert (worker.poll() is not None) == is_passed_on
        assert other.poll() is None
    finally:
        worker.kill(), other.kill()
        worker.wait(), other.wait()
