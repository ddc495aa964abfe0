"""The closing table of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.terminal import table as aligned

MAX_ROWS = 200
ROWS_OF_LONG_RUNS = 20
MAX_NAME, NAME_END = 36, 9
HEAD = ("clip", "state", "seconds", "file")
SECONDS = HEAD.index("seconds")


def table(states: Sequence[ClipState], root: Path) -> str:
    """Returns one row per clip (clip, state, seconds, file or error) and a closing line.

    Args:
        states: the clips of the run; of very long jobs only failures, or else the first rows, are shown.
        root: the run directory.
    """
    shown = states if len(states) <= MAX_ROWS else _worth_showing(states)
    lines = aligned([HEAD, *map(_row, shown)], right=(SECONDS,))
    if len(shown) < len(states):
        lines.append(f"... and {len(states) - len(shown)} more in clips.jsonl")
    return "\n".join([*lines, _closing(states, root)])


def shown_path(path: Path) -> str:
    """Returns a path as short as a user can type it: relative where it lies below the working directory."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _worth_showing(states: Sequence[ClipState]) -> list[ClipState]:
    unfinished = [state for state in states if state.status is not Status.DONE][:MAX_ROWS]
    return unfinished or list(states[:ROWS_OF_LONG_RUNS])


def _row(state: ClipState) -> tuple[str, str, str, str]:
    status = "reused" if state.is_reused else state.status.value
    seconds = f"{sum(state.seconds.values()):.2f}" if state.seconds else "-"
    return _short_name(state.clip.id), status, seconds, state.error or next(iter(state.files.values()), "")


def _short_name(name: str) -> str:
    """Returns a clip's name with its digest, the middle left out where it is long."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - NAME_END - 3]}...{name[-NAME_END:]}"


def _closing(states: Sequence[ClipState], root: Path) -> str:
    counts = [(status, sum(state.status is status for state in states)) for status in Status]
    summary = ", ".join(f"{count} {status.value}" for status, count in counts if count)
    degraded = sum(bool(state.all_degradations) and state.status is Status.DONE for state in states)
    note = f" ({degraded} degraded: clips.jsonl says how)" if degraded else ""
    return f"{summary or 'no clips'}{note}; everything is in {shown_path(root)}"
