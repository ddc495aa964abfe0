"""The command `resume`: finishes a stopped run in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.commands.closing import show
from vgpipe.config.load import load_run_limits
from vgpipe.errors import UsageError
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.bars import TerminalBars
from vgpipe.runs.run import resume
from vgpipe.runs.signals import cancelled_by_signals

HELP = """\
usage: python -m vgpipe resume RUN_DIR [run.until=... run.budget=... run.degrade=... run.plan=...]

Finishes a stopped run in place, with bit-identical output: finished clips are kept, a clip that was being denoised
continues at its last checkpoint. Neither the job file nor the original command line is needed.

  resume outputs/night/2026-11-28_09-00-00                   finish it
  resume outputs/night/2026-11-28_09-00-00 run.until=07:00   stop again at seven
  resume outputs/night/2026-11-28_09-00-00 run.degrade=any   and allow more fallbacks than before

A new limit replaces the limit that the run was started with; all other settings are those of the run.

exit codes: as for a run: 0 all clips done; 1 finished, some clips failed; 2 bad usage; 3 stopped early, resumable
"""


def main(arguments: Sequence[str]) -> int:
    """Finishes a stopped run.

    Args:
        arguments: a run directory, and overrides of its limits.

    Returns:
        The exit code of the run.

    Raises:
        UsageError: where no run directory is given, or it holds no run or is in use.
        ConfigError: where an override is invalid or is not a limit.
    """
    # Directories of a sweep have "=" in their names.
    if not arguments or not arguments[0] or ("=" in arguments[0] and not Path(arguments[0]).is_dir()):
        raise UsageError("resume takes a run directory -> python -m vgpipe resume outputs/<job>/<date_time>")
    limits = load_run_limits(arguments[1:])
    with cancelled_by_signals(CancelToken()) as stop:
        with TerminalBars() as bars:
            result = resume(Path(arguments[0]), limits, stop, on_progress=bars)
        return show(result)
