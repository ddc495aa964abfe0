"""Which folders below another hold a run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from vgpipe.store.rundir import RunDir

DEPTH = 3
"""Of a run below the outputs: the job, the date, and in a sweep the combination."""
SWEEP_END = "-sweep"
"""How the folder of a sweep ends, whose runs lie in it."""


def run_folders(folder: Path, depth: int = DEPTH) -> list[Path]:
    """Returns the directories of the runs below a folder, the one first that recorded a clip last.

    Args:
        folder: usually `outputs`; a run itself is the only one.
        depth: how many folders deep a run may lie.
    """
    own = _recorded_at(folder)
    if own is not None:
        return [folder]
    return [root for _, root in sorted(_below(folder, depth), reverse=True)]


def sweep_of(root: Path) -> Path | None:
    """Returns the folder of the sweep that a run belongs to; None for a run of its own."""
    return root.parent if root.parent.name.endswith(SWEEP_END) else None


def _below(folder: Path, depth: int) -> Iterator[tuple[float, Path]]:
    try:
        entries = [entry for entry in os.scandir(folder) if _is_folder(entry) and not entry.name.startswith(".")]
    except OSError:
        return
    for entry in entries:
        root = Path(entry.path)
        recorded_at = _recorded_at(root)
        if recorded_at is not None:
            yield recorded_at, root
        elif depth > 1:
            yield from _below(root, depth - 1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _recorded_at(root: Path) -> float | None:
    """Returns when a run last recorded a clip, UNIX seconds; None where the folder holds no run."""
    try:
        status = RunDir(root).clips.stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None
