"""How runs stand, in words: the table of `ls`, the lines of `status`, and both as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vgpipe.report.run_facts import DONE, DRAFTED, FAILED, STOPPED, Failure, Now, Rendering, RunFacts, RunState
from vgpipe.store.run_folders import sweep_of
from vgpipe.terminal import on_one_line, table
from vgpipe.typed import shown_path, typed_path
from vgpipe.units import clock, counted, finish_time, format_size

HEAD = ("state", "clips", "failed", "started", "time", "size", "run")
CLIPS, COUNT, TIME, SIZE = (HEAD.index(name) for name in ("clips", "failed", "time", "size"))
WORST = (
    *(RunState.RENDERING, RunState.PAUSED, RunState.INTERRUPTED),
    *(RunState.STOPPED, RunState.FAILED, RunState.DRAFTED, RunState.DONE),
)
"""The state of a sweep is the first of these that one of its runs has."""
MAX_ERROR = 300
QUIET_S = 60.0
"""After so many seconds without news it is said when the last came."""
DOWNLOAD = "download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A run as it is listed.

    Attributes:
        facts: how it stands.
        size_bytes: of all its files.
    """

    facts: RunFacts
    size_bytes: int


def run_table(runs: Sequence[Listed], width: int | None) -> list[str]:
    """Returns a line for each run, those of a sweep below one for the sweep.

    Args:
        runs: in the order in which they are shown.
        width: columns of the terminal; None does not wrap.
    """
    rows = []
    for sweep, together in _grouped(runs):
        if sweep is not None:
            rows.append(_sweep_row(sweep, together))
        rows += [_row(one, f"  {one.facts.root.name}" if sweep else shown_path(one.facts.root)) for one in together]
    return table([HEAD, *rows], right=(CLIPS, COUNT, TIME, SIZE), width=width)


def listed_values(one: Listed) -> dict[str, Any]:
    """Returns a run as plain values: an entry of `ls --json`."""
    sweep = sweep_of(one.facts.root)
    return {**run_values(one.facts), "bytes": one.size_bytes, "sweep": str(sweep) if sweep else None}


def run_values(facts: RunFacts) -> dict[str, Any]:
    """Returns how a run stands as plain values; times are UNIX seconds."""
    return {
        "run": str(facts.root),
        "job": facts.job,
        "model": facts.model,
        "state": facts.state.value,
        "clips": {"all": facts.clips, **facts.counts},
        "started_at": facts.started_at,
        "last_at": facts.last_at,
        "seconds": round(facts.seconds, 1),
        "reason": facts.reason or None,
    }


def status_values(facts: RunFacts, rendering: Rendering | None, failures: Sequence[Failure]) -> dict[str, Any]:
    """Returns everything that `status` tells, as plain values: the object of `status --json`."""
    return {
        **run_values(facts),
        "rendering": asdict(rendering) if rendering else None,
        "failures": [asdict(one) for one in failures],
        "next": next_command(facts),
    }


def status_lines(
    facts: RunFacts, rendering: Rendering | None, failures: Sequence[Failure], now: datetime
) -> Iterator[str]:
    """Yields how a run stands, a line each: state, what runs, when it will be done, failures, what to type.

    Args:
        facts: of the run.
        rendering: what its process does, or did when it was killed; None where nothing tells.
        failures: those that are shown.
        now: with a time zone.
    """
    named = ", ".join(filter(None, (facts.job, facts.model)))
    yield on_one_line(f"{shown_path(facts.root)}  ({named})" if named else shown_path(facts.root))
    yield _field(facts.state.value, _clips(facts, rendering if facts.state.is_active else None))
    if rendering is not None and facts.state is RunState.RENDERING:
        yield from (_field("now", line) for line in _doing(rendering, now))
        yield _field("done at", _finish(rendering, now))
    elif facts.state is RunState.RENDERING:
        yield _field("now", "starting")
    elif rendering is not None and facts.state is RunState.INTERRUPTED:
        busy = [one for one in rendering.workers if one.stage] or rendering.workers
        was_at = "; ".join(map(_at_work, busy))
        yield _field("was at", f"{was_at} ({_when(rendering.at, now)})")
    if facts.reason:
        yield _field("because", facts.reason)
    for one in failures:
        at = f" ({_when(one.at, now)})" if one.at is not None else ""
        yield _field("failed", f"{one.clip}{at}: {one.error[:MAX_ERROR]}")
    if len(failures) < facts.counts["failed"]:
        yield _field("", f"and {facts.counts['failed'] - len(failures)} more in clips.jsonl")
    picking = " (all drafts; report.html types the command for those that you pick)"
    yield _field("next", f"{next_command(facts)}{picking if facts.state is RunState.DRAFTED else ''}")


def next_command(facts: RunFacts) -> str:
    """Returns what to type next about a run."""
    run = typed_path(facts.root)
    if facts.state is RunState.RENDERING:
        return f"python -m vgpipe status {run} --watch"
    if facts.state is RunState.PAUSED:
        return f"python -m vgpipe continue {run}"
    if facts.state.is_resumable or facts.state is RunState.FAILED:
        return f"python -m vgpipe resume {run}"
    if facts.state is RunState.DRAFTED:
        return f"python -m vgpipe continue {run} all"
    return f"python -m vgpipe verify {run}"


def _grouped(runs: Sequence[Listed]) -> list[tuple[Path | None, list[Listed]]]:
    """Returns the runs, those of one sweep together, where the first of them stands."""
    groups: dict[Path, tuple[Path | None, list[Listed]]] = {}
    for one in runs:
        sweep = sweep_of(one.facts.root)
        groups.setdefault(sweep or one.facts.root, (sweep, []))[1].append(one)
    return list(groups.values())


def _sweep_row(sweep: Path, runs: Sequence[Listed]) -> tuple[str, ...]:
    facts = [one.facts for one in runs]
    done, drafted, clips, failed = (sum(counts) for counts in zip(*map(_figures, facts), strict=True))
    started = min((one.started_at for one in facts if one.started_at is not None), default=None)
    return (
        min((one.state for one in facts), key=WORST.index).value,
        _of(done, drafted, clips),
        str(failed or ""),
        _started(started),
        clock(sum(one.seconds for one in facts)),
        format_size(sum(one.size_bytes for one in runs)),
        on_one_line(f"{shown_path(sweep)} ({counted(len(runs), 'run')})"),
    )


def _row(one: Listed, name: str) -> tuple[str, ...]:
    done, drafted, clips, failed = _figures(one.facts)
    return (
        one.facts.state.value,
        _of(done, drafted, clips),
        str(failed or ""),
        _started(one.facts.started_at or one.facts.last_at),
        clock(one.facts.seconds),
        format_size(one.size_bytes),
        on_one_line(name),
    )


def _figures(facts: RunFacts) -> tuple[int, int, int, int]:
    return facts.counts["done"], facts.counts.get(DRAFTED, 0), facts.clips, facts.counts["failed"]


def _of(done: int, drafted: int, clips: int) -> str:
    if drafted:
        return f"{drafted} drafted" if drafted == clips else f"{done} of {clips}, {drafted} drafted"
    return str(clips) if done == clips else f"{done} of {clips}"


def _started(at: float | None) -> str:
    moment = _moment(at)
    return f"{moment:%a %d %b %H:%M}" if moment is not None else ""


def _moment(at: float | None) -> datetime | None:
    """Returns a local time; None for one that is unknown, or that no calendar has."""
    try:
        return None if at is None else datetime.fromtimestamp(at).astimezone()
    except (OSError, ValueError, OverflowError):
        return None


def _when(at: float, now: datetime) -> str:
    moment = _moment(at)
    if moment is None:
        return "?"
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%a %d %b %H:%M}"


def _field(name: str, text: str) -> str:
    return on_one_line(f"  {name:<11} {text}".rstrip())


def _clips(facts: RunFacts, rendering: Rendering | None) -> str:
    others = [f"{count} {state}" for state in (DRAFTED, FAILED, STOPPED) if (count := facts.counts.get(state))]
    share = [f"{int(100 * rendering.fraction)}% of the work"] if rendering else []
    told = [f"{facts.counts[DONE]} of {counted(facts.clips, 'clip')} done", *others, *share]
    return f"{', '.join(told)}, in {clock(facts.seconds)}"


def _doing(rendering: Rendering, now: datetime) -> Iterator[str]:
    """Yields what each worker does, a line each."""
    quiet_s = now.timestamp() - rendering.at
    told = f" (last news {clock(quiet_s)} ago)" if quiet_s >= QUIET_S else ""
    width = max(len(one.name) for one in rendering.workers)
    for one in rendering.workers:
        yield f"{one.name:<{width}}  {_at_work(one)}{told}" if width else f"{_at_work(one)}{told}"


def _at_work(now: Now) -> str:
    segment = f" segment {now.segment}/{now.segments}" if now.segments else ""
    what = f"{now.stage or 'waiting'} {now.clip}".rstrip() + segment
    if now.loading:
        return f"{what}: loading {now.loading}"
    if now.steps is None:
        return what
    if now.stage == DOWNLOAD:
        return f"{what} {format_size(now.step or 0)} of {format_size(now.steps)}"
    return f"{what} step {now.step}/{now.steps}"


def _finish(rendering: Rendering, now: datetime) -> str:
    moment = _moment(rendering.finish_at)
    if moment is None:
        return "unknown until the first clip has a pace"
    return f"{finish_time(moment, now)} (in {clock(max(0.0, (moment - now).total_seconds()))})"
