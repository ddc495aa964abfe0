"""Which runs below a folder are unfinished: what `resume` offers where it is given no run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vgpipe.report.run_facts import run_facts
from vgpipe.store.run_folders import run_folders
from vgpipe.store.rundir import RunDir


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

    Reads the events of a run, or of one that was killed the records too; neither its files nor the store. A run that
    another process is making is left out.

    Args:
        folder: usually `outputs`.
    """
    for root in run_folders(folder):
        facts = run_facts(root)
        if facts is None or not facts.state.is_resumable:
            continue
        try:
            stopped_at = datetime.fromtimestamp(RunDir(root).clips.stat().st_mtime)
        except (OSError, ValueError, OverflowError):  # gone since the listing, or of a year that no calendar has
            continue
        yield Unfinished(root=root, clips=facts.clips, left=facts.left, stopped_at=stopped_at)
