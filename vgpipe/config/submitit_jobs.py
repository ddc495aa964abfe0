"""Keeps the results of the other jobs where one of submitit's jobs breaks down, and lets Ctrl-C stop jobs in order.

Hydra's launcher for submitit collects results one after the other, and leaves at the first error: what the others
return is lost, although they still run. The process that watches a local job ends it at once on Ctrl-C, while the job
itself would save a checkpoint.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

PLUGIN = "hydra_plugins.hydra_submitit_launcher"


@contextmanager
def jobs_fail_alone(launcher: Launcher) -> Iterator[None]:
    """Has a job without a result count as a combination that failed, while this launcher waits for the others.

    Ctrl-C reaches the jobs alone: what watches them is started with the signal ignored, which processes inherit.

    Args:
        launcher: any; only that of submitit is changed, for the time of the block.
    """
    if not type(launcher).__module__.startswith(PLUGIN):
        yield
        return
    job_class: Any = import_module("submitit").Job
    results = job_class.results
    heed = _ignored_interrupts()

    def results_or_error(job: Any) -> list[Any]:
        heed()  # all jobs have been started
        try:
            return results(job)
        except Exception as error:
            return [JobReturn(status=JobStatus.FAILED, _return_value=error)]

    job_class.results = results_or_error
    try:
        yield
    finally:
        heed()
        job_class.results = results


def _ignored_interrupts() -> Callable[[], object]:
    """Ignores SIGINT, and returns what ends that. Does nothing outside the main thread, where Python handles it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: signal.signal(signal.SIGINT, before)
