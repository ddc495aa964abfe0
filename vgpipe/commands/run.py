"""The command `run`: renders a job or a prompt, or one run for each combination of a sweep."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vgpipe.commands.render_task import RenderTask, SweepResult
from vgpipe.config.arguments import split
from vgpipe.config.hydra_app import run_app
from vgpipe.errors import VgpipeError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import OutputError, write_error, write_line


def main(arguments: Sequence[str]) -> int:
    """Renders what was asked for.

    Args:
        arguments: overrides and Hydra's flags, as typed.

    Returns:
        The exit code: the highest of all runs.

    Raises:
        UsageError: where a config or a job is invalid.
        VgpipeError: where no combination can start.
    """
    given = split(arguments)
    with cancelled_by_signals(CancelToken()) as stop, KeptModels() as kept:
        results: list[SweepResult] = run_app(given, RenderTask(stop, kept))
    _compare([result.root for result in results if result.root is not None])
    return max((result.exit_code for result in results), default=0)


def _compare(roots: Sequence[Path]) -> None:
    """Ends a sweep with the page that compares its runs; an error there does not fail the runs."""
    runs = [run for run in map(RunDir, roots) if run.holds_run()]
    if len(runs) < 2:
        return
    try:
        from vgpipe.report.compare import NAME, build_comparison
        from vgpipe.runs.summary import shown_path

        page = build_comparison(runs, Path(os.path.commonpath([run.root.absolute() for run in runs])) / NAME)
    except (ImportError, OSError, VgpipeError) as error:
        write_error(error)
        return
    try:
        write_line(f"compared in {shown_path(page)}")
    except OutputError as error:
        if error.is_worth_telling:
            write_error(error)
