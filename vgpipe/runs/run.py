"""Starts and resumes runs: the run directory and the logs around the attempts at the clips. Prints nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from vgpipe.clips import requested
from vgpipe.clips.clip_record import PastRecord, past_record
from vgpipe.clips.clip_state import ClipState, Status
from vgpipe.clips.totals import refuse_too_large
from vgpipe.config.folders import folder_of
from vgpipe.config.run_limits import Limits
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.errors import StoreError, UsageError, VgpipeError, is_disk_full
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.executor.run_records import RunRecords
from vgpipe.job.clip import Clip
from vgpipe.notify.on_end import words_of
from vgpipe.runs import run_record
from vgpipe.runs.attempts import Attempts
from vgpipe.runs.continuing import Choice, check_drafts, chosen
from vgpipe.runs.exit_codes import EXIT_FAILED, EXIT_STOPPED, exit_code_of
from vgpipe.runs.following import Closing, close, followed
from vgpipe.runs.job_follower import JobFollower, followed_config
from vgpipe.runs.logs import logging_early, logging_to
from vgpipe.runs.names import refuse_names_that_differ_in_case, refuse_unwritable_names
from vgpipe.runs.objective import refuse_unmeasured
from vgpipe.runs.opening import opening
from vgpipe.runs.progress_file import ProgressFile
from vgpipe.runs.result import RunResult
from vgpipe.runs.saved import saved_clip, saved_values
from vgpipe.store.disk_space import what_to_free
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.store.run_list import note_run
from vgpipe.store.rundir import RunDir
from vgpipe.store.unused_directory import unused_run
from vgpipe.typed import shown_path, typed_path
from vgpipe.units import MIB

log = logging.getLogger(__name__)

MAX_CONFIG_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that can start: its job is read, its model is open, and the plan says that it fits.

    Attributes:
        config: the validated config.
        request: its clips.
        attempts: renders them.
        early: log records made until the run directory exists.
        terminal: whether a person reads the log on the terminal.
        overrides: of the command line, `key=value` each.
    """

    config: Config
    request: requested.Request
    attempts: Attempts
    early: list[logging.LogRecord]
    terminal: bool = True
    overrides: tuple[str, ...] = ()


def ready(
    config: Config, request: requested.Request, *, terminal: bool = True, kept: KeptModels | None = None
) -> Ready:
    """Opens the model and plans the run; loads no weights and creates no run directory.

    Args:
        config: the validated config.
        request: the clips.
        terminal: whether the log is shown on the terminal; else it goes to the handlers of the program around.
        kept: what an earlier run of this process left loaded, whose memory this one will have.

    Raises:
        ModelError: where no model that `run.degrade` allows can be opened.
        ConfigError: where the job cannot fit, a clip or a file is too large to be made, `run.objective` names what the
            run does not measure, or there is no such program as `run.on_end` names.
        StoreError: where clips are left to render and the store cannot be written.
    """
    refuse_unmeasured(config.run)
    if config.run.on_end is not None:
        words_of(config.run.on_end)
    refuse_unwritable_names(request.clips)
    refuse_too_large(config, request.clips)
    config = replace(config, drawn_from=request.drawn_from)  # what the run is read again from, now or later
    config = followed_config(config, request)
    attempts = Attempts(config)
    with logging_early(terminal) as early:
        attempts.plan(request.clips, kept)
    return Ready(config, request, attempts, early, terminal)


def start(
    run: Ready,
    root: Path,
    stop: CancelToken,
    *,
    on_progress: ProgressListener | None = None,
    kept: KeptModels | None = None,
    closing: Closing = Closing.OF_RUN,
) -> RunResult:
    """Renders a job into a run directory.

    Args:
        run: what to render.
        root: the run directory; created if it does not exist.
        stop: says when to stop early.
        kept: what runs of this process leave loaded for each other; None where every run loads its own.
        on_progress: is given how far the run is.
        closing: whether the end of this run is reported, or that of its sweep.

    Returns:
        How it ended. Once the directory exists, an error is part of the result.

    Raises:
        UsageError: where the directory is in use, or holds an unfinished run of other clips.
        StoreError: where the directory cannot be created.
    """
    with unused_run(root) as run_dir:
        records = run_dir.read_lines().newest if run_dir.holds_run() else {}
        earlier = {clip: line.record for clip, line in records.items()}
        _refuse_other_run(run_dir, run.request.clips, earlier)
        refuse_names_that_differ_in_case(run_dir, run.request.clips)
        begin = partial(_write_config, run.attempts.pinned(), run.request, run_dir)
        result = _run(run, run_dir, stop, on_progress, begin, _previous(earlier.values()), kept, closing)
    close(run.config, run.request.title, result, closing, terminal=run.terminal)
    return result


def resume(
    root: Path,
    limits: Limits,
    stop: CancelToken,
    *,
    on_progress: ProgressListener | None = None,
    kept: KeptModels | None = None,
    terminal: bool = True,
    choice: Choice | None = None,
) -> RunResult:
    """Finishes a stopped run in place, without its job file or command line.

    Args:
        root: the directory of the run.
        limits: changes when to stop early, how far to degrade, and where to run, from what the run was started with.
        stop: says when to stop early.
        on_progress: is given how far the run is.
        kept: what runs of this process leave loaded for each other; None where every run loads its own.
        terminal: whether the log is shown on the terminal; else it goes to the handlers of the program around.
        choice: which drafts of it are continued to the end; None: those that were picked before.

    Returns:
        How it ended, as `start`.

    Raises:
        UsageError: where `root` holds no run, or is in use; where drafts are chosen that it has not, or that would get
            other bits than those they were drafted with.

    Side effects:
        Drafts that are chosen are noted in run.json before any is continued.
    """
    if not RunDir(root).holds_run():
        raise UsageError(f"{root} holds no run -> give the directory of a run, the one with clips.jsonl in it")
    with RunDir(root) as run_dir:
        values = saved_values(run_dir)
        with logging_early(terminal) as early:
            recorded = run_record.checked(run_dir, values)
            clips = tuple(saved_clip(run_dir, record) for record in recorded.records)
            if not clips:
                raise UsageError(f"{run_dir.clips} lists no clips -> run the job again")
            refuse_unwritable_names(clips)
            refuse_names_that_differ_in_case(run_dir, clips)
            saved = validate_config(values)
            folder_of("store.dir", saved.store.dir)  # it may be another one by now
            config = limits(saved)
            if config.run.on_end is not None:
                words_of(config.run.on_end)
            picked = chosen(root, recorded, choice)
            attempts = Attempts(config, picked=recorded.picked | picked)
            if picked:
                check_drafts(recorded.records, attempts.states.asked(clips), attempts.states.finished.store)
            refuse_too_large(config, clips)
            previous = _previous(recorded.records)
            attempts.plan(clips, kept, previous)
        notes = () if recorded.is_checked else (run_record.UNCHECKED,)
        run = Ready(config, requested.Request(clips, notes), attempts, early, terminal)
        unrecorded = None if recorded.is_checked else values
        begin = partial(_begin_again, run_dir, unrecorded, clips, picked)
        result = _run(run, run_dir, stop, on_progress, begin, previous, kept, Closing.OF_RUN)
    close(config, "", result, Closing.OF_RUN, terminal=terminal)
    return result


def _record(run_dir: RunDir, values: Mapping[str, Any], clips: Sequence[Clip]) -> None:
    run_record.write(run_dir, values, (clip.id for clip in clips))


def _begin_again(
    run_dir: RunDir, values: Mapping[str, Any] | None, clips: Sequence[Clip], picked: Collection[str]
) -> None:
    """Writes what a run made by an older version lacks, where values of its config are given, and the picked drafts."""
    if values is not None:
        _record(run_dir, values, clips)
    if picked:
        run_record.pick(run_dir, sorted(picked))


def _previous(records: Iterable[Mapping[str, Any]]) -> dict[str, PastRecord]:
    return {record["clip"]: past_record(record) for record in records}


def _refuse_other_run(run_dir: RunDir, clips: Sequence[Clip], earlier: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuses a directory, chosen by the user, in which another job has unfinished clips."""
    ours = {clip.id for clip in clips}
    left = [clip for clip, one in earlier.items() if clip not in ours and one.get("state") != Status.DONE.value]
    if left:
        raise UsageError(
            f"{shown_path(run_dir.root)} holds an unfinished run of other clips ({left[0]}, {len(left)} in total) -> "
            f"python -m vgpipe resume {typed_path(run_dir.root)}, or another hydra.run.dir"
        )


def _run(
    run: Ready,
    run_dir: RunDir,
    stop: CancelToken,
    on_progress: ProgressListener | None,
    begin: Callable[[], None],
    previous: Mapping[str, PastRecord],
    kept: KeptModels | None,
    closing: Closing,
) -> RunResult:
    config = run.config
    stop.set_deadlines(until=config.run.until, budget=config.run.budget)
    with logging_to(run_dir.log, run.early, terminal=run.terminal):
        begun_s = time.monotonic()
        done_by = run.attempts.done_by(stop.deadline())
        told = run.attempts.verdict(datetime.now())
        opened = opening(len(run.request.clips), config.model.name, run_dir.root, told, done_by)
        own = [f"with your own defaults of {config.defaults_from}"] if config.defaults_from else []
        for note in (*opened, *own, *run.request.notes, *([config.model.note] if config.model.note else [])):
            log.info("%s", note)
        if run_dir.lock_note:
            log.warning("%s", run_dir.lock_note)
        follower = JobFollower(config, run.request.clips) if config.run.follow else None
        records = RunRecords(run_dir, stop.cancel, run.request.title, run.request.notes, run.overrides)
        with followed(config, run.request.title, run_dir, records, run.attempts.clips_left) as following:
            try:
                note_run(Path(config.store.dir), run_dir.root)
                begin()
                listening = following.listening(on_progress)
                with _page_of(run_dir, run.attempts), _told(run_dir, run.attempts, listening) as listener:
                    states = run.attempts.make(
                        run.request.clips, run_dir, records, stop, previous, kept, listener, follower
                    )
                result = _result(run_dir, states, stop, time.monotonic() - begun_s)
            except (VgpipeError, OSError) as error:
                result = _aborted(error, run, run_dir)
            if closing is Closing.OF_RUN:
                following.ended(result)
    return result


def _result(run_dir: RunDir, states: Sequence[ClipState], stop: CancelToken, seconds: float) -> RunResult:
    code = exit_code_of(state.status.value for state in states)
    reason = stop.reason if code == EXIT_STOPPED else ""
    return RunResult(root=run_dir.root, exit_code=code, states=tuple(states), stopped_by=reason, seconds=seconds)


def _write_config(config: Config, request: requested.Request, run_dir: RunDir) -> None:
    """Writes config.yaml and run.json, and a job of values as a file, so that the picks of the report find it."""
    if request.job_lines is not None:
        run_dir.write_job(request.job_lines)
        config = replace(config, job=str(run_dir.job.absolute()))
    text = yaml.safe_dump(asdict(config), sort_keys=False, allow_unicode=True)
    run_dir.write_config(text)
    _record(run_dir, read_yaml(text), request.clips)


def _aborted(error: Exception, run: Ready, run_dir: RunDir) -> RunResult:
    """Logs an error that ended a run in the middle; it can be finished later where the disk was at fault."""
    log.debug("traceback of the run", exc_info=error)
    is_full, holds_run = is_disk_full(error), run_dir.holds_run()
    if not is_full and not (isinstance(error, StoreError | OSError) and holds_run):
        log.error("the run failed: %s", error)
        return RunResult(root=run_dir.root, exit_code=EXIT_FAILED, error=error)
    remedy = f"; {what_to_free(error, (run_dir.root, Path(run.config.store.dir)))}" if is_full else ""
    finish = (
        f"finish it with: python -m vgpipe resume {typed_path(run_dir.root)}" if holds_run else "then start it again"
    )
    log.error("the run stopped: %s%s; %s", error, remedy, finish)
    return RunResult(root=run_dir.root, exit_code=EXIT_STOPPED, error=error)


def _page_of(run_dir: RunDir, attempts: Attempts) -> AbstractContextManager[None]:
    """Returns the context that keeps report.html up to date; an empty one where its libraries cannot be imported."""
    try:
        from vgpipe.report.live import watched, written_at_end
    except ImportError as error:
        log.warning("there will be no report.html: %s", error)
        return nullcontext()
    return watched(run_dir) if attempts.clips_left else written_at_end(run_dir)


def _told(
    run_dir: RunDir, attempts: Attempts, on_progress: ProgressListener | None
) -> AbstractContextManager[ProgressListener | None]:
    """Returns the context that keeps progress.json up to date; yields the listener for the run."""
    return ProgressFile(run_dir, on_progress) if attempts.clips_left else nullcontext(on_progress)
