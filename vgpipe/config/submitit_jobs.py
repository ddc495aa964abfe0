"""Keeps the results of the other jobs where one of submitit's jobs breaks down.

Hydra's launcher for submitit collects results one after the other, and leaves at the first error: what the others
return is lost, although they still run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

PLUGIN = "hydra_plugins.hydra_submitit_launcher"


@contextmanager
def jobs_fail_alone(launcher: Launcher) -> Iterator[None]:
    """Has a job without a result count as a combination that failed, while this launcher waits for the others.

    Args:
        launcher: any; only that of submitit is changed, for the time of the block.
    """
    if not type(launcher).__module__.startswith(PLUGIN):
        yield
        return
    job_class: Any = import_module("submitit").Job
    results = job_class.results

    def results_or_error(job: Any) -> list[Any]:
        try:
            return results(job)
        except Exception as error:
            return [JobReturn(status=JobStatus.FAILED, _return_value=error)]

    job_class.results = results_or_error
    try:
        yield
    finally:
        job_class.results = results
