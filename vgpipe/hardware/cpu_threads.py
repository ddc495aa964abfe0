"""How many threads torch will use on this CPU, and how many of them can work at once; imports no torch."""

from __future__ import annotations

import os

from vgpipe.hardware import cgroup, host

VARIABLES = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""What sets torch's number of threads where it is built with MKL; the first one counts."""


def default_threads() -> int:
    """Returns how many threads torch will use where nobody sets their number: one for each physical core, as MKL does.

    It is an estimate: only torch knows for sure.
    """
    return next(filter(None, map(_threads_in, VARIABLES)), None) or _physical_cores()


def threads_at_once() -> int:
    """Returns how many of torch's threads can work at once, under the quota of the cgroup; at least 1."""
    quota = cgroup.cores()
    return max(1, min(default_threads(), host.cores(), default_threads() if quota is None else int(quota)))


def _threads_in(variable: str) -> int | None:
    """Returns a number from the environment, the first of `4,2`; None where there is none."""
    first = os.environ.get(variable, "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _physical_cores() -> int:
    import psutil

    return max(1, min(host.cores(), psutil.cpu_count(logical=False) or host.cores()))
