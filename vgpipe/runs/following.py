"""Follows a run for those who do not watch it: messages, and the command that is run at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path

from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.config.notify_urls import notify_urls
from vgpipe.config.schema import Config, NotifyConfig
from vgpipe.errors import VgpipeError, first_line
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.executor.run_records import RunRecords
from vgpipe.notify.delivery import MISSING, is_installed
from vgpipe.notify.facts import Ended, Failure
from vgpipe.notify.listener import RunListener
from vgpipe.notify.notifier import Notifier
from vgpipe.notify.on_end import run_on_end
from vgpipe.runs.exit_codes import EXIT_FAILED
from vgpipe.runs.logs import logging_to
from vgpipe.runs.result import RunResult
from vgpipe.store.rundir import RunDir

log = logging.getLogger(__name__)


class Closing(Enum):
    """Whose end is reported, and followed by `run.on_end`."""

    OF_RUN = "this run"
    OF_SWEEP = "the sweep that this run is part of"


class Following:
    """What follows a run; nothing where it has nothing to make.

    Args:
        job: what the user calls the job.
        run_dir: of the run.
        watch: decides which messages are sent; None where none are.
    """

    def __init__(self, job: str, run_dir: RunDir, watch: RunListener | None):
        self._job, self._run_dir, self._watch = job, run_dir, watch
        self._begun_s = time.monotonic()

    def listening(self, other: ProgressListener | None) -> ProgressListener | None:
        """Returns what the progress of the run is reported to, which also reports it to another listener."""
        return other if self._watch is None else self._watch.listening(other)

    def ended(self, result: RunResult) -> None:
        """Tells that the run has ended."""
        if self._watch is not None:
            self._watch.ended(ended_of(self._job, result))

    def broke(self, error: Exception) -> None:
        """Tells that an error nobody foresaw has ended the run."""
        seconds = time.monotonic() - self._begun_s
        self.ended(RunResult(root=self._run_dir.root, exit_code=EXIT_FAILED, error=error, seconds=seconds))


@contextmanager
def followed(config: Config, title: str, run_dir: RunDir, records: RunRecords, clips_left: int) -> Iterator[Following]:
    """Follows the run inside the context; messages are sent before it ends.

    Args:
        config: the whole config.
        title: what the user calls the job; empty where that is unknown.
        run_dir: of the run.
        records: of the run.
        clips_left: how many are to be made; with none no message is sent.
    """
    if not clips_left:
        yield Following(title, run_dir, None)
        return
    job = title or _recorded_job(run_dir)
    notifier = opened_notifier(config.notify)
    send = None if notifier is None else notifier.send
    before = _failed(run_dir)
    watch = RunListener(config.notify, job, run_dir.root, send=send, write_event=records.event, failed_before=before)
    records.listen(watch.on_event)
    following = Following(job, run_dir, watch)
    try:
        with watch:
            yield following
    except Exception as error:
        following.broke(error)
        raise
    finally:
        if notifier is not None:
            notifier.close()


def opened_notifier(config: NotifyConfig) -> Notifier | None:
    """Returns what sends messages; None where there is nowhere to send them, or nothing to send them with."""
    try:
        urls = notify_urls() if config.on else ()
    except VgpipeError as error:
        log.warning("no notification can be sent: %s", first_line(error))
        return None
    if not urls:
        return None
    if not is_installed():
        log.warning("%s", MISSING)
        return None
    notifier = Notifier(urls)
    notifier.start()
    return notifier


def close(config: Config, title: str, result: RunResult, closing: Closing, *, terminal: bool) -> None:
    """Runs the command of `run.on_end`, once the directory of the run is free; its failure is one warning.

    Args:
        config: the whole config.
        title: what the user calls the job; empty where that is unknown.
        result: how the run ended.
        closing: whether this end is the one that the command waits for.
        terminal: whether a person reads the log on the terminal.
    """
    if config.run.on_end is None or closing is not Closing.OF_RUN:
        return
    run_dir = RunDir(result.root)
    with logging_to(run_dir.log, terminal=terminal):
        run_on_end(config.run.on_end, ended_of(title or _recorded_job(run_dir), result), run_dir.root)


def ended_of(job: str, result: RunResult) -> Ended:
    """Returns the facts of a run that has ended.

    Args:
        job: what the user calls the job.
        result: how it ended.
    """
    run_dir = RunDir(result.root)
    ended = Ended(
        job=job,
        root=result.root,
        exit_code=result.exit_code,
        clips=len(result.states),
        done=sum(state.is_done for state in result.states),
        failed=sum(state.status is Status.FAILED for state in result.states),
        drafted=sum(state.status is Status.DRAFTED for state in result.states),
        degraded=sum(state.is_made and bool(state.all_degradations) for state in result.states),
        seconds=result.seconds,
        failures=_failures(result.states),
        stopped_by=result.stopped_by,
        error="" if result.error is None else first_line(result.error),
        report=_existing(run_dir.report),
        pictures=tuple(filter(None, [_existing(run_dir.contact_sheet)])),
    )
    return ended if result.error is None else _as_recorded(ended, run_dir)


def _failures(states: Sequence[ClipState]) -> tuple[Failure, ...]:
    failed = [state for state in states if state.status is Status.FAILED]
    return tuple(Failure(name=state.id, error=state.error or "") for state in failed)


def _as_recorded(ended: Ended, run_dir: RunDir) -> Ended:
    """Returns the counts of a run that an error ended: those of its clips.jsonl."""
    try:
        states = [record.get("state") for record in run_dir.read_clips(warn=False)]
    except VgpipeError:
        return ended
    done, drafted, failed = (states.count(status.value) for status in (Status.DONE, Status.DRAFTED, Status.FAILED))
    return replace(ended, clips=len(states), done=done, drafted=drafted, failed=failed)


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _failed(run_dir: RunDir) -> set[str]:
    """Returns the clips of an earlier attempt at the run that failed."""
    records = run_dir.read_clips(warn=False) if run_dir.holds_run() else []
    return {str(record.get("clip")) for record in records if record.get("state") == Status.FAILED.value}


def _recorded_job(run_dir: RunDir) -> str:
    """Returns what the user called the job when the run was started; empty where that is unknown."""
    started = (event for event in run_dir.read_events() if event.get("event") == "run_started")
    return next((name for event in started if isinstance(name := event.get("job"), str)), "")
