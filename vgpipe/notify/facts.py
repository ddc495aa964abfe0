"""What messages and the command at the end say of a run or a sweep that has ended."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One clip, or combination of a sweep, that failed.

    Attributes:
        name: of the clip.
        error: why.
    """

    name: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended, or all runs of a sweep together.

    Attributes:
        job: what the user calls it.
        root: the run's directory, or that of the sweep.
        exit_code: of the command.
        clips: how many there are.
        done: how many of them are done.
        failed: how many failed.
        drafted: how many stopped with a preview, as was asked for.
        degraded: how many are done in another way than was asked for.
        seconds: what it took.
        failures: those that failed, in job order.
        stopped_by: why it stopped early; empty where it did not.
        error: what ended it in the middle; empty where nothing did.
        report: its page; None where there is none.
        pictures: contact sheets.
        runs: combinations of a sweep; 1 for a single run.
    """

    job: str
    root: Path
    exit_code: int
    clips: int
    done: int
    failed: int
    drafted: int = 0
    degraded: int = 0
    seconds: float
    failures: tuple[Failure, ...] = ()
    stopped_by: str = ""
    error: str = ""
    report: Path | None = None
    pictures: tuple[Path, ...] = ()
    runs: int = 1

    @property
    def left(self) -> int:
        """How many clips can still be finished by resuming."""
        return self.clips - self.done - self.failed - self.drafted

    @property
    def resume_command(self) -> str:
        """What finishes it, for a POSIX shell; empty where nothing is left, and for a sweep."""
        return (
            f"python -m vgpipe resume {shlex.quote(str(self.root.absolute()))}" if self.left and self.runs == 1 else ""
        )

    @property
    def continue_command(self) -> str:
        """What finishes its drafts, for a POSIX shell; empty where there are none, and for a sweep."""
        if not self.drafted or self.runs != 1:
            return ""
        return f"python -m vgpipe continue {shlex.quote(str(self.root.absolute()))} all"
