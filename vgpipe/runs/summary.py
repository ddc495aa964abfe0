"""The closing table of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.clips.clip_state import ClipState, Status

MAX_ROWS = 200
MAX_NAME = 36


def table(states: Sequence[ClipState], root: Path) -> str:
    """Returns one row a clip (clip, state, seconds, file or error) and a closing line.

    Args:
        states: the clips of the run; of very long jobs only failures and the first rows are shown.
        root: the run directory.
    """
    shown = states if len(states) <= MAX_ROWS else _worth_showing(states)
    rows = [("clip", "state", "seconds", "file"), *map(_row, shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}" for row in rows]
    if len(shown) < len(states):
        lines.append(f"... and {len(states) - len(shown)} more in clips.jsonl")
    return "\n".join([*lines, _closing(states, root)])


def shown_path(path: Path) -> str:
    """Returns a path as short as a user can type it: relative where it lies below the working directory."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _worth_showing(states: Sequence[ClipState]) -> list[ClipState]:
    bad = [state for state in states if state.status is not Status.DONE][:MAX_ROWS]
    return bad or list(states[:20])


def _row(state: ClipState) -> tuple[str, str, str, str]:
    clip_id = state.clip.id
    name = clip_id if len(clip_id) <= MAX_NAME else clip_id[: MAX_NAME - 12] + "..." + clip_id[-9:]
    status = "reused" if state.is_reused else state.status.value
    seconds = f"{sum(state.seconds.values()):.2f}" if state.seconds else "-"
    return name, status, seconds, state.error or next(iter(state.files.values()), "")


def _closing(states: Sequence[ClipState], root: Path) -> str:
    counts = [(status, sum(state.status is status for state in states)) for status in Status]
    told = ", ".join(f"{count} {status.value}" for status, count in counts if count)
    degraded = sum(bool(state.all_degradations) and state.status is Status.DONE for state in states)
    note = f" ({degraded} degraded: clips.jsonl says how)" if degraded else ""
    return f"{told or 'no clips'}{note}; everything is in {shown_path(root)}"
