"""The command `resume`: finishes a stopped run in place; without one it offers those that are unfinished."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.errors import UsageError
from vgpipe.terminal import can_ask, is_confirmed, terminal_width, write_note

if TYPE_CHECKING:
    from vgpipe.runs.unfinished import Unfinished

HELP = """\
usage: python -m vgpipe resume [RUN_DIR] [run.until=... run.budget=... run.degrade=... run.plan=...]
                               [run.order=... executor=... executor.workers=...]

Finishes a stopped run in place, with bit-identical output: finished clips are kept, a clip that was
being denoised continues at its last checkpoint. Neither the job file nor the original command line
is needed.

  resume                                                     list the unfinished runs in outputs/;
                                                             on a terminal: finish the newest?
  resume outputs/night/2026-11-28_09-00-00                   finish it
  resume outputs/night/2026-11-28_09-00-00 run.until=07:00   stop again at seven
  resume outputs/night/2026-11-28_09-00-00 run.degrade=any   and allow more fallbacks than before
  resume outputs/night/2026-11-28_09-00-00 executor.workers=1   in this process alone

A new limit replaces the limit that the run was started with, and so does what is given of executor
and notify; all other settings are the run's own, but for the command run.on_end, to be given again.

exit codes: 0 all clips done; 1 finished, some clips failed; 2 bad usage, or no run was chosen;
            3 stopped early, resumable
"""
OUTPUTS = Path("outputs")
MAX_SHOWN = 10


def main(arguments: Sequence[str]) -> int:
    """Finishes a stopped run.

    Args:
        arguments: a run directory, and overrides of its limits and its executor.

    Returns:
        The exit code of the run.

    Raises:
        UsageError: where no run is given and none is chosen, or the directory holds no run or is in use.
        ConfigError: where an override is invalid or is none of these.
    """
    root, overrides = _split(arguments)
    if root is None and not overrides:  # what finishes a run is imported only once one is chosen
        root = _chosen(OUTPUTS)
    from vgpipe.commands.closing import show
    from vgpipe.config.run_limits import load_run_limits
    from vgpipe.executor.cancel_token import CancelToken
    from vgpipe.runs.bars import TerminalBars
    from vgpipe.runs.run import resume
    from vgpipe.runs.signals import cancelled_by_signals

    limits = load_run_limits(overrides)
    if root is None:
        root = _chosen(OUTPUTS, overrides)
    with cancelled_by_signals(CancelToken()) as stop:
        with TerminalBars() as bars:
            result = resume(root, limits, stop, on_progress=bars)
        return show(result)


def _split(arguments: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    # Directories of a sweep have "=" in their names.
    if not arguments or ("=" in arguments[0] and not Path(arguments[0]).is_dir()):
        return None, arguments
    if not arguments[0]:
        raise UsageError("resume takes a run directory -> python -m vgpipe resume RUN_DIR")
    return Path(arguments[0]), arguments[1:]


def _chosen(folder: Path, overrides: Sequence[str] = ()) -> Path:
    """Lists the unfinished runs; returns the newest where somebody at the terminal says so.

    Raises:
        UsageError: where there is none, or nobody says so; with what to type.
    """
    from vgpipe.runs.unfinished import unfinished_runs

    found = list(islice(unfinished_runs(folder), MAX_SHOWN + 1))
    if not found:
        raise UsageError(f"no unfinished run below {folder} -> python -m vgpipe resume RUN_DIR")
    write_note("\n".join(_table(found)))
    command = shlex.join(["python", "-m", "vgpipe", "resume", str(found[0].root), *overrides])
    if not can_ask():
        raise UsageError(f"no run is given -> {command}")
    if is_confirmed(f"Finish {found[0].root}?"):
        return found[0].root
    raise UsageError(f"nothing was started -> {command}")


def _table(found: Sequence[Unfinished]) -> list[str]:
    from vgpipe.terminal import table

    rows = [(f"{one.left} of {one.clips}", f"{one.stopped_at:%a %d %b %H:%M}", str(one.root)) for one in found]
    more = ["... and older ones"] if len(rows) > MAX_SHOWN else []
    return [*table([("clips left", "last active", "run"), *rows[:MAX_SHOWN]], width=terminal_width()), *more]
