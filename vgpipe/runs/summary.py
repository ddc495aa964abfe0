"""What is said of a run when it ends: a table of its clips, how many are done, and where the files are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.job.resolving.picks import name_of
from vgpipe.runs.bar_lines import MAX_NAME, MIN_NAME, shortened
from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.result import RunResult
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import table as aligned
from vgpipe.typed import shown_path, typed_path
from vgpipe.units import clock, counted

MAX_ROWS = 200
ROWS_OF_LONG_RUNS = 20
HEAD = ("clip", "state", "seconds", "error")
SECONDS = HEAD.index("seconds")
BESIDE_NAME = 50
"""Columns of the other cells, of which an error gets at least 30."""
LABEL = len("report")
BESIDES = ("sheet", "poster")
"""Kinds of files that a clip has besides those that were asked for."""


def summary(result: RunResult, *, label: str = "", width: int | None = None) -> str:
    """Returns one row per clip, and closing lines: what is done, the report, the folder of the videos.

    Args:
        result: how the run ended; of very long jobs only failures, or else the first rows, are shown.
        label: which run of a sweep this is; empty for a single one.
        width: columns of the terminal, to which errors are wrapped; None does not wrap.
    """
    states = result.states
    shown = states if len(states) <= MAX_ROWS else _worth_showing(states)
    has_errors = any(state.error for state in shown)
    room = MAX_NAME if width is None or not has_errors else min(MAX_NAME, width - BESIDE_NAME)
    rows = [HEAD, *(_row(state, max(MIN_NAME, room)) for state in shown)]
    lines = aligned(rows if has_errors else [row[:-1] for row in rows], right=(SECONDS,), width=width)
    if len(shown) < len(states):
        lines.append(f"... and {counted(len(states) - len(shown), 'clip')} more in clips.jsonl")
    closing = f"{_closing(result)} ({label})" if label else _closing(result)
    return "\n".join([*lines, closing, *_places(result, width), *_continuing(result)])


def _worth_showing(states: Sequence[ClipState]) -> list[ClipState]:
    unfinished = [state for state in states if not state.is_made][:MAX_ROWS]
    return unfinished or list(states[:ROWS_OF_LONG_RUNS])


def _row(state: ClipState, room: int) -> tuple[str, ...]:
    is_reused = state.is_reused and state.is_done
    status = "rejected" if state.is_rejected else "reused" if is_reused else state.status.value
    seconds = f"{sum(state.seconds.values()):.2f}" if state.seconds else "-"
    return shortened(state.clip.id, room), status, seconds, state.error or ""


def _closing(result: RunResult) -> str:
    counts = [(status, sum(state.status is status for state in result.states)) for status in Status]
    done = ", ".join(f"{count} {status.value}" for status, count in counts if count)
    degraded = sum(bool(state.all_degradations) and state.is_made for state in result.states)
    noted = sum(bool(state.notes) for state in result.states)
    rejected = sum(state.is_rejected for state in result.states)
    said = [f"{rejected} rejected by checks: clips.jsonl says why"] if rejected else []
    said += [f"{degraded} degraded: clips.jsonl says how"] if degraded else []
    said += [f"{noted} with notes: run.log has them"] if noted else []
    beside = f" ({', '.join(said)})" if said else ""
    return f"{done or 'no clips'} in {clock(result.seconds)}{beside}"


def _places(result: RunResult, width: int | None) -> list[str]:
    """Returns where the page of the run and its files are; the run directory itself where neither exists.

    Where these paths are wider than the terminal, the run directory stands on a line of its own.
    """
    root, run_dir = shown_path(result.root), RunDir(result.root)
    files = [(kind, path) for state in result.states for kind, path in state.files.items()]
    wanted = [path for kind, path in files if kind not in BESIDES] or [path for _, path in files]
    folders = sorted({PurePosixPath(path).parts[0] for path in wanted})
    page = [("report", run_dir.report.name)] if run_dir.report.is_file() else []
    places = [*page, *((folder, folder) for folder in folders)]
    column = max([LABEL, *(len(what) for what, _ in places)])
    lines = [f"{what:<{column}}  {root}/{name}" for what, name in places] or [f"run     {root}"]
    if width is None or max(map(len, lines)) <= width:
        return lines
    return [root, *(f"  {name}" for _, name in places)]


def _continuing(result: RunResult) -> list[str]:
    """Returns what finishes the drafts of a run, with what to type; nothing of one that is to be resumed first."""
    drafts = [state for state in result.states if state.status is Status.DRAFTED]
    if not drafts or result.exit_code == EXIT_STOPPED:
        return []
    command = f"python -m vgpipe continue {typed_path(result.root)}"
    pick = name_of(drafts[0].requested)
    return [f"finish all drafts: {command} all", f"or those you pick: {command} 'pick=[{pick}]' (report.html types it)"]
