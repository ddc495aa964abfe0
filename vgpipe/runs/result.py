"""How a run ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.runs.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended.

    Attributes:
        root: its directory.
        exit_code: 0 all clips done, 1 some failed, 3 stopped early and resumable.
        states: its clips, in job order; empty where an error ended the run.
        stopped_by: why it stopped early; empty where it did not.
        error: what ended the run in the middle; None where nothing did.
        seconds: what it took, from the lock of the directory on.
    """

    root: Path
    exit_code: int
    states: tuple[ClipState, ...] = ()
    stopped_by: str = ""
    error: Exception | None = None
    seconds: float = 0.0


def exit_code(states: Sequence[ClipState]) -> int:
    """Returns 0 where all clips are done, 3 where some were not reached, else 1."""
    statuses = {state.status for state in states}
    if statuses & {Status.PENDING, Status.STOPPED}:
        return EXIT_STOPPED
    return EXIT_FAILED if Status.FAILED in statuses else EXIT_DONE
