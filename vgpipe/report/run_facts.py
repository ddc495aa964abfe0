"""How a run stands, read from its directory while another process may be writing it; changes nothing there."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from vgpipe.errors import UsageError
from vgpipe.outside_file import open_outside
from vgpipe.report.run_history import STATES, RunHistory, failed_at, history_of
from vgpipe.report.values import float_of, int_of, table_of, text_of
from vgpipe.store.run_folders import sweep_of
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir
from vgpipe.units import MIB

DONE, DRAFTED, FAILED, STOPPED, PENDING = STATES
MAX_LINE_BYTES = MIB
MAX_WORKERS = 1000
TEXTS, NUMBERS = ("name", "device", "stage", "clip", "loading"), ("segment", "segments", "step", "steps")
"""The keys of progress.json that tell what a worker does."""


class RunState(StrEnum):
    """How a run stands."""

    RENDERING = "rendering"
    PAUSED = "paused"
    DONE = "done"
    DRAFTED = "drafted"
    """It has ended with previews alone: `continue` finishes the clips that are picked."""
    FAILED = "failed"
    """It has ended, and clips of it failed."""
    STOPPED = "stopped"
    """It ended in order with clips left: `resume` finishes it."""
    INTERRUPTED = "interrupted"
    """Its process has gone without an end: killed, or the power failed. `resume` finishes it."""

    @property
    def is_active(self) -> bool:
        """Whether a process is at it."""
        return self in (RunState.RENDERING, RunState.PAUSED)

    @property
    def is_resumable(self) -> bool:
        """Whether clips are left that no process is at."""
        return self in (RunState.STOPPED, RunState.INTERRUPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """How a run stands.

    Attributes:
        root: its directory.
        job: what the user calls the job; the name of the folder above where nothing says so.
        model: of its clips; "" where unknown.
        state: how it stands.
        counts: state of a clip -> number of clips, for `done`, `drafted`, `failed`, `stopped` and `pending`.
        started_at: when it was first started, UNIX seconds; None where unknown.
        last_at: when it last recorded something; None where unknown.
        seconds: for how long a process was at it, up to now where one is.
        reason: why it stopped; "" where it did not.
    """

    root: Path
    job: str
    model: str
    state: RunState
    counts: Mapping[str, int]
    started_at: float | None
    last_at: float | None
    seconds: float
    reason: str

    @property
    def clips(self) -> int:
        """All its clips."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """The clips that it has not reached, or stopped in."""
        return self.counts[STOPPED] + self.counts[PENDING]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A clip that failed.

    Attributes:
        clip: its id.
        error: why, as clips.jsonl says.
        at: when, UNIX seconds; None where unknown.
    """

    clip: str
    error: str
    at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a worker, or the one process of a run, does.

    Attributes:
        name: of the worker; "" for the process of the run itself.
        device: its device; "" where unknown.
        stage: what runs: a stage, or what else takes time; "" where nothing does.
        clip: what it runs for; "" where nothing is.
        loading: the component that is loaded; "" where none is.
        segment: which segment of a long clip, from 1; None for a short one.
        segments: how many it has.
        step: steps that are done; None where none are counted.
        steps: all of them.
    """

    name: str
    device: str
    stage: str
    clip: str
    loading: str
    segment: int | None
    segments: int | None
    step: int | None
    steps: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How far a process is that renders, by its progress.json.

    Attributes:
        at: when it was written, UNIX seconds.
        pid: of the process; None where unknown.
        fraction: of the work that is done, 0 to 1.
        finish_at: when the run will be done, UNIX seconds; None where nothing tells yet.
        workers: what each worker does; the process of the run itself where there are none.
    """

    at: float
    pid: int | None
    fraction: float
    finish_at: float | None
    workers: tuple[Now, ...]


def run_facts(root: Path) -> RunFacts | None:
    """Returns how a run stands; None where the folder holds no run.

    Of a run that ended in order only the events are read; of another one clips.jsonl too.

    Args:
        root: the run directory.
    """
    run_dir = RunDir(root)
    is_active = is_in_use(root)  # before the events: it may end meanwhile
    history = history_of(run_dir.event_text())
    counts = history.counts
    if counts is None or is_active:
        try:
            counts = _counts(run_dir)
        except UsageError:
            return None
    state = _state(history, counts, is_active)
    return RunFacts(
        root=root,
        job=history.job or _folder_of_job(root),
        model=_model(run_dir),
        state=state,
        counts=counts,
        started_at=history.started_at,
        last_at=history.last_at or _changed_at(run_dir.clips),
        seconds=_seconds(history, state),
        reason=history.reason if state is RunState.STOPPED else "",
    )


def failures_of(root: Path, limit: int) -> tuple[Failure, ...]:
    """Returns the clips of a run that failed, the last one first; none where the folder holds no run.

    Args:
        root: the run directory.
        limit: how many, at most.
    """
    run_dir = RunDir(root)
    try:
        failed = [line.record for line in run_dir.read_lines().shown() if line.record.get("state") == FAILED]
    except UsageError:
        return ()
    times = failed_at(run_dir.event_text()) if failed else {}
    found = [
        Failure(clip=str(one.get("clip")), error=text_of(one.get("error")) or "", at=times.get(str(one.get("clip"))))
        for one in failed
    ]
    return tuple(sorted(found, key=lambda one: one.at or 0.0, reverse=True)[:limit])


def rendering_of(root: Path) -> Rendering | None:
    """Returns how far a run is that a process renders, or was when it was killed; None where nothing tells.

    Args:
        root: the run directory.
    """
    progress = RunDir(root).read_progress()
    at = float_of(progress.get("time"))
    if at is None:
        return None
    workers = progress.get("workers")
    known = workers[:MAX_WORKERS] if isinstance(workers, list) and workers else [progress]
    return Rendering(
        at=at,
        pid=int_of(progress.get("pid")),
        fraction=min(1.0, max(0.0, float_of(progress.get("fraction")) or 0.0)),
        finish_at=float_of(progress.get("finish_at")),
        workers=tuple(_now(table_of(one)) for one in known),
    )


def size_bytes(root: Path) -> int:
    """Returns the size of all files of a run; most of them are hard links to files of the store, which counts too.

    Args:
        root: the run directory.
    """
    return sum(_sizes(str(root)))


def _sizes(folder: str) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path)
            else:
                yield entry.stat(follow_symlinks=False).st_size
        except OSError:  # gone since the listing
            continue


def _counts(run_dir: RunDir) -> dict[str, int]:
    states = Counter(str(line.record.get("state")) for line in run_dir.read_lines().shown())
    return {state: states[state] for state in STATES}


def _state(history: RunHistory, counts: Mapping[str, int], is_active: bool) -> RunState:
    if is_active:
        return RunState.PAUSED if history.is_paused else RunState.RENDERING
    if counts[STOPPED] or counts[PENDING]:
        return RunState.INTERRUPTED if history.counts is None else RunState.STOPPED
    if counts[FAILED]:
        return RunState.FAILED
    return RunState.DRAFTED if counts[DRAFTED] and not counts[DONE] else RunState.DONE


def _seconds(history: RunHistory, state: RunState) -> float:
    since_last_s = time.time() - history.last_at if history.last_at is not None else 0.0
    return history.seconds + (max(0.0, since_last_s) if state is RunState.RENDERING else 0.0)


def _folder_of_job(root: Path) -> str:
    absolute = root.absolute()
    return (sweep_of(absolute) or absolute).parent.name


def _model(run_dir: RunDir) -> str:
    """Returns the model of the first clip, whose line is all that is read."""
    try:
        with open_outside(run_dir.clips) as file:
            return text_of(table_of(json.loads(file.readline(MAX_LINE_BYTES))).get("model")) or ""
    except (OSError, ValueError, RecursionError):
        return ""


def _changed_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _now(record: Mapping[str, Any]) -> Now:
    facts: dict[str, Any] = {name: text_of(record.get(name)) or "" for name in TEXTS}
    facts |= {name: int_of(record.get(name)) for name in NUMBERS}
    return Now(**facts)
