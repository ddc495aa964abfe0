"""Which runs below a folder are unfinished: what `resume` offers where it is given no run."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vgpipe.clips.clip_state import Status
from vgpipe.errors import StoreError, UsageError
from vgpipe.outside_file import open_outside
from vgpipe.store.run_lock import DirectoryInUse
from vgpipe.store.rundir import RunDir

DEPTH = 3
"""Of a run below the outputs: the job, the date, and in a sweep the combination."""
LAST_EVENT_BYTES = 4096
LEFT = (Status.PENDING.value, Status.STOPPED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run with clips left to make.

    Attributes:
        root: its directory.
        clips: all its clips.
        left: those that it has not reached, or stopped in.
        stopped_at: when it last recorded a clip.
    """

    root: Path
    clips: int
    left: int
    stopped_at: datetime


def unfinished_runs(folder: Path) -> Iterator[Unfinished]:
    """Yields the runs below a folder that can be resumed, the newest first.

    Reads the last event of a run, or of one that was killed the records; neither its files nor the store. A run that
    another process is making is left out.

    Args:
        folder: usually `outputs`.
    """
    for _, root in sorted(_runs(folder), reverse=True):
        found = _unfinished(RunDir(root))
        if found is not None and _is_free(RunDir(root)):
            yield found


def _runs(folder: Path, depth: int = DEPTH) -> Iterator[tuple[float, Path]]:
    """Yields the directories of runs with the time of their last record."""
    try:
        entries = [entry for entry in os.scandir(folder) if _is_folder(entry) and not entry.name.startswith(".")]
    except OSError:
        return
    for entry in entries:
        root = Path(entry.path)
        try:
            status = RunDir(root).clips.stat()
        except OSError:
            status = None
        if status is not None and stat.S_ISREG(status.st_mode):
            yield status.st_mtime, root
        elif depth > 1:
            yield from _runs(root, depth - 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _unfinished(run_dir: RunDir) -> Unfinished | None:
    counts = _counts_of_last_event(run_dir)
    if counts is None:
        try:
            states = [record.get("state") for record in run_dir.read_clips(warn=False)]
        except UsageError:  # gone since the listing
            return None
        counts = {status.value: states.count(status.value) for status in Status}
    left = sum(counts.get(status, 0) for status in LEFT)
    if not left:
        return None
    try:
        stopped_at = datetime.fromtimestamp(run_dir.clips.stat().st_mtime)
    except (OSError, ValueError, OverflowError):  # gone since the listing, or of a year that no calendar has
        return None
    return Unfinished(root=run_dir.root, clips=sum(counts.values()), left=left, stopped_at=stopped_at)


def _counts_of_last_event(run_dir: RunDir) -> dict[str, int] | None:
    """Returns clips by status as the end of a run recorded them; None where it did not get that far."""
    try:
        with open_outside(run_dir.events) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_EVENT_BYTES))
            last: Mapping[str, Any] = json.loads(file.read().rstrip().rpartition(b"\n")[2])
        if last["event"] != "run_ended":
            return None
        return {status.value: int(last.get(status.value, 0)) for status in Status}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _is_free(run_dir: RunDir) -> bool:
    try:
        with run_dir:
            return True
    except (DirectoryInUse, StoreError):
        return False
