"""Finds a directory for a new run, beside those that other runs have taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vgpipe.store.run_lock import LOCK_NAME, DirectoryInUse
from vgpipe.store.rundir import RunDir

CLOCK_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def unused_directory(root: Path) -> Path:
    """Returns `root`, or `root-2`, `root-3`, ... if another run uses a name made from the clock.

    A name that the user chose is returned as it is: a run there resumes in place.
    """
    number, candidate = 1, root
    while CLOCK_NAME.fullmatch(root.name) and _holds_run(candidate):
        number += 1
        candidate = root.with_name(f"{root.name}-{number}")
    return candidate


def claimed_directory(root: Path) -> Path:
    """Makes `root`, or `root-2`, `root-3`, ... if it is a name made from the clock that another run has taken.

    A directory that the user chose is left as it is.
    """
    number, candidate = 1, root
    while CLOCK_NAME.fullmatch(root.name):
        try:
            candidate.mkdir(parents=True)
            return candidate
        except FileExistsError:
            number += 1
            candidate = root.with_name(f"{root.name}-{number}")
    return root


def _holds_run(root: Path) -> bool:
    # Some releases of filelock remove the lock file with the lock.
    return (root / LOCK_NAME).exists() or RunDir(root).config.exists()


@contextmanager
def unused_run(root: Path) -> Iterator[RunDir]:
    """Locks `unused_directory(root)`, or the next one where another process takes it at the same moment.

    Raises:
        UsageError: where another process uses a directory that the user chose.
        StoreError: where the directory cannot be created.
    """
    while True:
        candidate = unused_directory(root)
        is_ours_to_choose = CLOCK_NAME.fullmatch(root.name) is not None
        try:
            with RunDir(candidate) as run_dir:
                if is_ours_to_choose and run_dir.config.exists():  # a whole run since the look-up
                    continue
                yield run_dir
                return
        except DirectoryInUse:
            if not is_ours_to_choose:
                raise
