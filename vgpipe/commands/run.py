"""The command `run`: renders a job or a prompt, or one run for each combination of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from vgpipe.commands.render_task import RenderTask
from vgpipe.commands.sweep_result import SweepResult
from vgpipe.commands.worker_signals import workers_stopped_with
from vgpipe.config.arguments import Arguments, split
from vgpipe.config.hydra_app import run_app
from vgpipe.errors import VgpipeError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.executor.kept_models import KeptModels
from vgpipe.runs.signals import cancelled_by_signals


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
    given, stop = split(arguments), CancelToken()
    with ExitStack() as signals, workers_stopped_with(stop), KeptModels() as kept:
        # Until then Ctrl-C ends the command: nothing is lost, and planning does not look at the token.
        task = RenderTask(stop, kept, on_start=lambda: signals.enter_context(cancelled_by_signals(stop)))
        results, error = _ran(given, task)
        if len(results) > 1:
            from vgpipe.commands.sweep_closing import close_sweep

            close_sweep(results)
        if task.sweep is not None:  # its runs have sent no message that they ended
            from vgpipe.commands.sweep_told import tell_sweep

            tell_sweep(task.sweep, results, task.seconds, error)
    if error is not None:
        raise error
    return max((result.exit_code for result in results), default=0)


def _ran(given: Arguments, task: RenderTask) -> tuple[list[SweepResult], VgpipeError | OSError | None]:
    try:
        return run_app(given, task), None
    except (VgpipeError, OSError) as error:
        return [], error
