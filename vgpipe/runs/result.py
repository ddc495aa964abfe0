"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vgpipe.clips.clip_state import ClipState


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
