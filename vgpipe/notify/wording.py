"""The messages: one for each occasion, in words that fit on the screen of a phone."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from vgpipe.notify.facts import Ended, Failure
from vgpipe.notify.message import Message, Mood
from vgpipe.terminal import on_one_line
from vgpipe.units import clock, counted, finish_time

MAX_FAILURES, MAX_ERROR, MAX_NAME = 3, 200, 80
INVISIBLE = "\u200b"
"""Stands behind an @ in what others wrote, so that no chat takes it for the name of everybody in it."""


def of_end(ended: Ended) -> Message:
    """Returns the message that a run or a sweep has ended: counts, duration, time, first failures, the report."""
    counts = [f"{ended.done} done"] if ended.done or not ended.drafted else []
    counts += [f"{ended.drafted} drafted"] if ended.drafted else []
    counts += [f"{ended.failed} failed"] if ended.failed else []
    counts += [f"{ended.left} left"] if ended.left else []
    counts += [f"{ended.degraded} degraded"] if ended.degraded else []
    of_runs = f" in {ended.runs} runs" if ended.runs > 1 else ""
    lines = [
        f"{', '.join(counts)}{of_runs}; took {clock(ended.seconds)}, ended at {datetime.now():%H:%M}",
        *([f"stopped: {_safe(ended.stopped_by[:MAX_ERROR])}"] if ended.stopped_by else []),
        *([f"error: {_safe(ended.error[:MAX_ERROR])}"] if ended.error else []),
        *_failed(ended.failures),
        *([f"finish it with: {ended.resume_command}"] if ended.resume_command else []),
        *([f"finish the drafts with: {ended.continue_command}"] if ended.continue_command else []),
        _place("report", ended.report) if ended.report else _place("run", ended.root),
    ]
    mood = Mood.SUCCESS if not ended.exit_code else Mood.WARNING if ended.done or not ended.error else Mood.FAILURE
    pictures = tuple(map(str, ended.pictures))
    return Message(title=_title(ended.job, _headline(ended)), body="\n".join(lines), mood=mood, pictures=pictures)


def of_failure(job: str, failure: Failure, going_on: str, root: Path) -> Message:
    """Returns the message that the first clip has failed.

    Args:
        job: what the user calls the run.
        failure: the clip and why it failed.
        going_on: how far the run is, `12 of 80 clips done, ETA 3:10:00 at 05:40`.
        root: the run directory.
    """
    lines = [*_failed([failure]), going_on, "later failures are in the message at the end", _place("run", root)]
    return Message(title=_title(job, "a clip failed"), body="\n".join(lines), mood=Mood.WARNING)


def of_stall(job: str, seconds: float, doing: str, going_on: str, root: Path) -> Message:
    """Returns the message that nothing happens any more.

    Args:
        job: what the user calls the run.
        seconds: since when.
        doing: what ran last, `denoise of clip hero`; may be empty.
        going_on: as for `of_failure`.
        root: the run directory.
    """
    lines = [f"last: {_safe(doing)}"] if doing else []
    lines += [going_on, _place("run", root)]
    title = _title(job, f"nothing has happened for {clock(seconds)}")
    return Message(title=title, body="\n".join(lines), mood=Mood.FAILURE)


def of_deadline(job: str, clips: str, at: str, going_on: str, root: Path) -> Message:
    """Returns the message that not all clips will be done in time.

    Args:
        job: what the user calls the run.
        clips: how many will be, `about 61 of 80 clips (55 to 66)`.
        at: the deadline, `07:00`.
        going_on: as for `of_failure`.
        root: the run directory.
    """
    title = _title(job, "not all clips will be done in time")
    body = "\n".join([f"{clips} will be done by {_safe(at)}", going_on, _place("run", root)])
    return Message(title=title, body=body, mood=Mood.WARNING)


def of_trial() -> Message:
    """Returns the message of `notify --test`."""
    body = f"This is a trial message of `python -m vgpipe notify --test` on {socket.gethostname()}."
    return Message(title="vgpipe: notifications arrive", body=body)


def how_far(done: int, clips: int, eta_s: float | None, finish_at: datetime | None) -> str:
    """Returns how far a run is.

    Args:
        done: clips that are done.
        clips: all clips.
        eta_s: seconds left, where they are known.
        finish_at: when it will be done, local time, where that is known.
    """
    far = f"{done} of {counted(clips, 'clip')} done"
    if eta_s is None or finish_at is None:
        return far
    return f"{far}, {clock(eta_s)} left, ends at about {finish_time(finish_at, datetime.now().astimezone())}"


def _headline(ended: Ended) -> str:
    if ended.error or ended.stopped_by:
        return f"stopped, {ended.done} of {counted(ended.clips, 'clip')} done"
    if ended.drafted and ended.drafted == ended.clips:
        return f"{counted(ended.clips, 'draft')} to look at"
    if ended.done == ended.clips:
        return "all clips done" if ended.clips > 1 else "the clip is done" if ended.clips else "no clips"
    others = [f"{ended.drafted} drafted"] if ended.drafted else []
    others += [f"{ended.failed} failed"] if ended.failed or not others else []
    return f"{ended.done} of {counted(ended.clips, 'clip')} done, {', '.join(others)}"


def _failed(failures: Sequence[Failure]) -> list[str]:
    lines = [f"failed: {_safe(one.name[:MAX_NAME])}: {_safe(one.error[:MAX_ERROR])}" for one in failures[:MAX_FAILURES]]
    return [*lines, f"and {len(failures) - MAX_FAILURES} more"] if len(failures) > MAX_FAILURES else lines


def _place(what: str, path: Path) -> str:
    return f"{what}: {socket.gethostname()}:{_safe(str(path.absolute()))}"


def _title(job: str, headline: str) -> str:
    return f"{_safe(job[:MAX_NAME])}: {headline}" if job else f"vgpipe: {headline}"


def _safe(text: str) -> str:
    return on_one_line(text).replace("@", f"@{INVISIBLE}")
