"""The closing table of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.clips.clip_state import ClipWork, State

MAX_ROWS = 200
MAX_NAME = 36


def table(works: Sequence[ClipWork], root: Path) -> str:
    """Returns one row a clip (clip, state, seconds, file or error) and a closing line.

    Args:
        works: the clips of the run; of very long jobs only failures and the first rows are shown.
        root: the run directory.
    """
    shown = works if len(works) <= MAX_ROWS else _worth_showing(works)
    rows = [("clip", "state", "seconds", "file"), *map(_row, shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}" for row in rows]
    if len(shown) < len(works):
        lines.append(f"... and {len(works) - len(shown)} more in clips.jsonl")
    return "\n".join([*lines, _closing(works, root)])


def shown_path(path: Path) -> str:
    """Returns a path as short as a user can type it: relative where it lies below the working directory."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _worth_showing(works: Sequence[ClipWork]) -> list[ClipWork]:
    bad = [work for work in works if work.state is not State.DONE][:MAX_ROWS]
    return bad or list(works[:20])


def _row(work: ClipWork) -> tuple[str, str, str, str]:
    name = work.clip.id if len(work.clip.id) <= MAX_NAME else work.clip.id[: MAX_NAME - 12] + "..." + work.clip.id[-9:]
    state = "reused" if work.is_reused else work.state.value
    seconds = f"{sum(work.seconds.values()):.2f}" if work.seconds else "-"
    return name, state, seconds, work.error or next(iter(work.files.values()), "")


def _closing(works: Sequence[ClipWork], root: Path) -> str:
    counts = [(state, sum(work.state is state for work in works)) for state in State]
    told = ", ".join(f"{count} {state.value}" for state, count in counts if count)
    degraded = sum(bool(work.all_degradations) and work.state is State.DONE for work in works)
    note = f" ({degraded} degraded: clips.jsonl says how)" if degraded else ""
    return f"{told or 'no clips'}{note}; everything is in {shown_path(root)}"
