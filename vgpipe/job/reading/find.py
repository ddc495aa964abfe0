"""Finding the job file that the user means."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from vgpipe.errors import Fault, JobError
from vgpipe.job.faults import format_value, nearest
from vgpipe.job.reading.folder_jobs import images_in
from vgpipe.job.source import SUFFIXES
from vgpipe.outside_file import expanded
from vgpipe.typed import as_typed

JOBS_FOLDER = "jobs"
MAX_NAMES_LISTED = 2_000


def find_job(given: str, cwd: Path) -> Path:
    """Finds a job file, or a folder of images: as given, then in the working directory's `jobs/`.

    Args:
        given: what the user typed after `job=`.
        cwd: the working directory.

    Returns:
        The path of an existing file or folder, under `cwd` unless `given` is absolute.

    Raises:
        JobError: neither place has it; names both, and the file that was likely meant.
    """
    tried = [cwd / _expanded(given), cwd / JOBS_FOLDER / given]
    for path in tried:
        if given and os.path.isfile(path):
            return path
    for path in tried:
        if given and os.path.isdir(path) and images_in(path):
            return path
    # Pipes and devices are refused by the reader, in its own words.
    if given and os.path.exists(tried[0]) and not os.path.isdir(tried[0]):
        return tried[0]
    raise _not_found(given, cwd, tried)


def _expanded(given: str) -> Path:
    # No shell expands the tilde in `job=~/a.yaml`.
    try:
        return expanded(given)
    except RuntimeError:
        return Path(given)


def _not_found(given: str, cwd: Path, tried: list[Path]) -> JobError:
    places = " and ".join(dict.fromkeys(_relative(path, cwd) for path in tried))
    what = f"no job file {format_value(given)}; looked for {places}"
    if given and os.path.isdir(tried[0]):
        what = f"{format_value(given)} is a directory without images, not a job"
    fault = Fault("job", what, _advice(given, cwd, tried))
    return JobError("the job was not found; nothing was started", [fault])


def _relative(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _advice(given: str, cwd: Path, tried: list[Path]) -> str:
    folders = dict.fromkeys([tried[0], tried[0].parent, cwd / JOBS_FOLDER, tried[1].parent])
    found = dict.fromkeys(path for folder in folders for path in _jobs_in(folder))
    names = [_relative(path, cwd) for path in found]
    by_stem = {Path(name).stem.lower().replace("-", "_"): name for name in reversed(names)}
    meant = nearest(Path(given).stem, by_stem)
    if meant is not None:
        return f"did you mean {as_typed('job', by_stem[meant])}?"
    if names:
        return f"there are {', '.join(names[:5])}"
    return f"write one ({', '.join(SUFFIXES)}) and name it with job=FILE"


def _jobs_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in islice(entries, MAX_NAMES_LISTED)]
    except (OSError, ValueError):
        return []
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)
