"""Reads the job files of one run, and reports what is wrong with any of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import Fault, JobError
from vgpipe.job.reading.columns import AS_NAMED, ColumnMap
from vgpipe.job.reading.find import find_job
from vgpipe.job.reading.parse import read_job
from vgpipe.job.record import Job
from vgpipe.job.rules import ShapeRules
from vgpipe.job.source import display


def read_jobs(
    given: Sequence[str], cwd: Path, *, rules: ShapeRules | None = None, columns: ColumnMap = AS_NAMED
) -> tuple[Job, ...]:
    """Finds, reads and checks job files.

    Args:
        given: what the user typed for each.
        cwd: the working directory.
        rules: as for `read_job`.
        columns: likewise, for all files.

    Returns:
        The jobs, in the order in which they are named.

    Raises:
        JobError: with the faults of all files; also where one file is named twice.
    """
    jobs, errors = dict[Path, Job](), list[JobError]()
    for name in given:
        try:
            path = find_job(name, cwd)
            if path.resolve() in jobs:
                fault = Fault("job", f"{display(path)} is named twice", "name each job file once")
                raise JobError("a job is named twice; nothing was started", [fault])
            jobs[path.resolve()] = read_job(path, rules=rules, columns=columns)
        except JobError as error:
            errors.append(error)
    if errors:
        raise joined(errors)
    return tuple(jobs.values())


def joined(errors: Sequence[JobError]) -> JobError:
    """Returns the errors of several jobs as one.

    Args:
        errors: at least one.
    """
    if len(errors) == 1:
        return errors[0]
    faults = tuple(dict.fromkeys(fault for error in errors for fault in error.faults))
    return JobError(f"{len(errors)} jobs have faults; nothing was started", faults)
