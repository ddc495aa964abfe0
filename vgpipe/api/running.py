"""Renders and resumes runs for programs, one at a time; errors are exceptions, failed clips are results."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from vgpipe.api.inputs import Option, Options, Prompts, asked
from vgpipe.api.picks import picks_of
from vgpipe.api.progress import listening
from vgpipe.api.results import ClipResult, Run, read_run
from vgpipe.api.turns import RUNS, raise_if_cancelled
from vgpipe.config.continue_limits import load_continue_limits
from vgpipe.config.run_limits import load_run_limits
from vgpipe.doctor.checked_versions import require_checked_versions
from vgpipe.errors import StoreError, VgpipeError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.executor.library_environment import library_bars_hidden, set_library_environment
from vgpipe.executor.library_logs import libraries_kept_quiet
from vgpipe.executor.progress_state import ProgressListener
from vgpipe.executor.workers.host_process import end_host
from vgpipe.outside_file import expanded
from vgpipe.runs import run as runs
from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.result import RunResult
from vgpipe.runs.signals import cancelled_by_signals


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C, or the interrupt of a notebook, stopped a run once its checkpoint was saved.

    Attributes:
        run: what it made so far; `vgpipe.resume(error.run.root)` finishes it.
    """

    def __init__(self, run: Run):
        self.run = run
        done = sum(clip.ok for clip in run.clips)
        super().__init__(f"{done} of {len(run.clips)} clips are done; finish it with vgpipe.resume({str(run.root)!r})")


def run(
    job: str | os.PathLike[str] | None = None,
    *,
    prompts: Prompts | None = None,
    clip: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    model: Option = None,
    hardware: Option = None,
    memory: Option = None,
    quality: Option = None,
    exporter: Option = None,
    executor: Option = None,
    draft: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    config_dir: str | os.PathLike[str] | None = None,
    on_progress: ProgressListener | None = None,
    show_progress: bool | None = None,
    cancel: CancelToken | None = None,
    kept: KeptModels | None = None,
) -> Run:
    """Renders a job, prompts, or the clip that `clip` describes.

    Runs of one process take turns: a second call waits until the first has returned. In the main thread, Ctrl-C (the
    interrupt of a notebook) saves a checkpoint and raises `RunInterrupted`; a second one raises `KeyboardInterrupt` at
    once.

    Args:
        job: a job file, looked up as given, then under `jobs/`.
        prompts: instead of a file, a list of texts and of mappings with the keys that a job file has.
        clip: settings of every clip, stronger than the job's: `{"seed": 3}`; alone, with `prompt`, the only clip.
        overrides: anything else of the command line: `["run.budget=8h", "memory.vae_tiling=true"]`.
        model: an option of this group.
        hardware: likewise.
        memory: likewise.
        quality: likewise.
        exporter: likewise; a list makes several files of each clip.
        executor: likewise.
        draft: the steps after which each clip stops with a preview, or a share of its steps, `"40%"`; None: the clips
            are made to the end.
        out: the run directory; by default `outputs/<job>/<date_time>`.
        config_dir: a folder with groups and options of your own.
        on_progress: is given a `ProgressState` in the thread of the run, often; it must return soon.
        show_progress: whether to draw progress bars; None: in a notebook.
        cancel: stops the run from any thread; it can be resumed.
        kept: keeps models loaded for the next run.

    Returns:
        The run, whether its clips are done, failed or stopped: see `Run.ok`.

    Raises:
        UsageError: where a config or a job is invalid, or cannot fit: nothing was started. `ConfigError` and `JobError`
            are such; each fault names its key, line or `prompts[3]`.
        ModelError: where the model cannot be opened.
        StoreError: where the disk cannot be written; what is done is kept.
        Stopped: where `cancel` was cancelled before the run could start.
        RunInterrupted: after Ctrl-C; while it only plans, that is a plain `KeyboardInterrupt`.

    Side effects:
        Writes the run directory and the store. Changes torch's number of threads while it runs. Sets environment
        variables of the libraries that are not set (`vgpipe/executor/library_environment.py`).
    """
    require_checked_versions(_ignore)
    options = Options(
        model=model, hardware=hardware, memory=memory, quality=quality, exporter=exporter, executor=executor
    )
    wanted = asked(
        job=job,
        prompts=prompts,
        clip=clip,
        overrides=overrides,
        options=options,
        draft=draft,
        out=out,
        config_dir=config_dir,
    )
    clips = wanted.request()

    with alone(cancel, kept):
        ready = runs.ready(wanted.config, clips, terminal=False, kept=kept)
        raise_if_cancelled(cancel)
        with interruptible(cancel) as (token, interrupt), listening(on_progress, show_progress) as listener:
            result = runs.start(ready, wanted.root, token, on_progress=listener, kept=kept)
    return _run_of(result, interrupt)


def resume(
    root: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    on_progress: ProgressListener | None = None,
    show_progress: bool | None = None,
    cancel: CancelToken | None = None,
    kept: KeptModels | None = None,
) -> Run:
    """Finishes a stopped run in place, with bit-identical output; of a finished one it brings lost files back.

    Args:
        root: the directory of the run.
        overrides: new limits: `run.until`, `run.budget`, `run.degrade`, `run.plan`; and `executor`, `executor.*`.
        on_progress: as for `run`, and so are the others.
        show_progress: see `run`.
        cancel: see `run`.
        kept: see `run`.

    Returns:
        The run.

    Raises:
        UsageError: where `root` holds no run or is in use, or an override is none of these.
        VgpipeError: as `run`.
    """
    require_checked_versions(_ignore)
    again = partial(runs.resume, expanded(root).absolute(), load_run_limits(overrides))
    return _resumed(again, on_progress, show_progress, cancel, kept)


def continue_run(
    root: str | os.PathLike[str],
    picks: str | Iterable[str | ClipResult] = "all",
    *,
    overrides: Sequence[str] = (),
    on_progress: ProgressListener | None = None,
    show_progress: bool | None = None,
    cancel: CancelToken | None = None,
    kept: KeptModels | None = None,
) -> Run:
    """Finishes drafts of a run in place, each from the step of its preview, with bit-identical output.

    Args:
        root: the directory of the run.
        picks: which: `"all"`, `"best:10"` (so many in all, by the scores of their previews), or several clips: their
            results, their ids, or the picks that the report shows.
        overrides: where and for how long: `hardware`, `memory.strategy`, `executor`, `store.dir`, and what `resume`
            takes.
        on_progress: as for `run`, and so are the others.
        show_progress: see `run`.
        cancel: see `run`.
        kept: see `run`.

    Returns:
        The run; clips that were not picked stay drafts.

    Raises:
        UsageError: where `root` holds no run, no drafts or none of these clips, or is in use; where an override would
            change the bits.
        VgpipeError: as `run`.
    """
    require_checked_versions(_ignore)
    choice, limits = picks_of(picks), load_continue_limits(overrides, "")
    again = partial(runs.resume, expanded(root).absolute(), limits, choice=choice)
    return _resumed(again, on_progress, show_progress, cancel, kept)


def _resumed(
    again: Callable[..., RunResult],
    on_progress: ProgressListener | None,
    show_progress: bool | None,
    cancel: CancelToken | None,
    kept: KeptModels | None,
) -> Run:
    """Has `runs.resume` finish a run whose directory and limits are given already."""
    with (
        alone(cancel, kept),
        interruptible(cancel) as (token, interrupt),
        listening(on_progress, show_progress) as listener,
    ):
        result = again(token, on_progress=listener, kept=kept, terminal=False)
    return _run_of(result, interrupt)


@contextmanager
def alone(cancel: CancelToken | None, kept: KeptModels | None = None) -> Iterator[None]:
    """Waits for the turn of a run, and keeps the model libraries quiet in it.

    At its end, the process that workers were forked from ends too, unless `kept` keeps models for the next run.

    Raises:
        Stopped: where `cancel` was cancelled before.
    """
    with RUNS.turn(cancel), libraries_kept_quiet(), library_bars_hidden():
        set_library_environment()
        try:
            yield
        finally:
            if kept is None:
                end_host()


@contextmanager
def interruptible(cancel: CancelToken | None) -> Iterator[tuple[CancelToken, CancelToken]]:
    """Gives the token that a run asks, and the one that Ctrl-C cancels in the main thread."""
    interrupt = CancelToken()
    token = CancelToken(interrupt, *([cancel] if cancel else []))
    with cancelled_by_signals(interrupt, [signal.SIGINT], _interrupt):
        yield token, interrupt


def _run_of(result: RunResult, interrupt: CancelToken) -> Run:
    """Returns a run that has ended, or raises what ended it."""
    if result.error is not None:
        _raise(result)
    made = read_run(result.root)
    if interrupt.is_cancelled:
        raise RunInterrupted(made)
    return made


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _ignore(_warning: str) -> None:
    """Takes warnings of versions, which `vgpipe doctor` lists."""


def _raise(result: RunResult) -> NoReturn:
    """Raises what ended a run in the middle, with the way to finish it."""
    error = result.error
    raised = error if isinstance(error, VgpipeError) else StoreError(str(error))
    remedy = f"finish it with vgpipe.resume({str(result.root)!r})" if result.exit_code == EXIT_STOPPED else ""
    raised.add_note(remedy or f"the run is in {result.root}")
    raise raised from (None if raised is error else error)
