"""OmegaConf resolvers that name run directories."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from vgpipe.job.reading.job_name import folder_of_job

MAX_JOB_BYTES, MAX_DIRNAME_BYTES = 60, 120
MAX_SHARED_BYTES = 40
"""Of the name of one of several jobs, so that the first has room in any case."""


def job_name(job: str | Sequence[str] | None) -> str:
    """Returns the folder name for runs of a job: its `name` or else the stem of its file; `clip` without a job.

    Several jobs are joined, `night+portraits`; those for which there is no room are counted, `night+3-more`.
    """
    given = [job] if isinstance(job, str) else [str(one) for one in job or ()]
    most = MAX_JOB_BYTES if len(given) == 1 else MAX_SHARED_BYTES
    names = list(dict.fromkeys(folder_of_job(one, Path.cwd(), most) for one in given))
    joined, shown = "+".join(names), len(names)
    while shown and len(joined.encode()) > MAX_JOB_BYTES:
        shown -= 1
        joined = "+".join([*names[:shown], f"{len(names) - shown}-more"])
    return joined or "clip"


def safe_dirname(overrides: str) -> str:
    """Returns a sweep's override list as one safe folder name, with a digest for what it cannot hold."""
    overrides = re.sub(r"(^|,)\+\+", r"\1", overrides)  # how Hydra adds keys that the YAML leaves out
    if not overrides:
        return "all"
    plain = re.fullmatch(r"[A-Za-z0-9=,._+-]+", overrides) and not overrides.startswith(".")
    if plain and len(overrides) <= MAX_DIRNAME_BYTES:
        return overrides
    digest = hashlib.sha256(overrides.encode()).hexdigest()[:8]
    kept = re.sub(r"[^A-Za-z0-9=,._+-]+", "_", overrides).strip("._")[: MAX_DIRNAME_BYTES - 9]
    return f"{kept}-{digest}"


def register_resolvers() -> None:
    """Registers the resolvers that conf/config.yaml uses; safe to call again."""
    OmegaConf.register_new_resolver("vgpipe.job_name", job_name, replace=True)
    OmegaConf.register_new_resolver("vgpipe.safe_dirname", safe_dirname, replace=True)
