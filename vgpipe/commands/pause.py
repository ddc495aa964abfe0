"""The command `pause`: has a run that renders save its work, free its memory and wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from vgpipe.commands.ls import folder_of
from vgpipe.errors import UsageError
from vgpipe.runs.exit_codes import EXIT_DONE, EXIT_FAILED
from vgpipe.store.pause_file import Pause, PauseFile
from vgpipe.store.run_folders import run_folders
from vgpipe.store.run_lock import is_in_use
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import write_note
from vgpipe.typed import shown_path, typed_path

HELP = """\
usage: python -m vgpipe pause [RUN_DIR]

Has a run that renders in another shell save a checkpoint, free its memory on the GPU and in RAM,
and wait; returns when that has happened. `continue` continues it, with bit-identical output.
Without a directory: the one run below outputs that renders now.

  pause                                      the run that renders now
  pause outputs/night/2026-11-28_09-00-00    this run
  continue                                   end the pause

A deadline (run.until, run.budget) and Ctrl-C in the shell of the run stop it in a pause, too.
A pause ends with the process of the run: `resume` does not wait.

exit codes: 0 the run is paused; 1 it ended before; 2 bad usage, or no run renders
"""
OUTPUTS = Path("outputs")
LOOK_EVERY_S = 0.25
MAX_NAMED = 5


def main(arguments: Sequence[str]) -> int:
    """Pauses a run.

    Args:
        arguments: a run directory.

    Returns:
        The exit code: 0 once the run is paused.

    Raises:
        UsageError: where no run renders, or there are several.
    """
    given = folder_of(arguments, "pause", ())
    root = only_run(running(OUTPUTS), "pause") if given is None else rendering(given)
    file = PauseFile(root)
    if not file.is_there:
        file.ask()
        write_note(f"pausing {shown_path(root)}: it saves a checkpoint after the step that it is at")
    while file.read() is not Pause.REACHED:
        if not is_in_use(root):
            file.remove()
            write_note(f"{shown_path(root)} ended before it was paused")
            return EXIT_FAILED
        if not file.is_there:
            write_note(f"another process has {shown_path(root)} continue")
            return EXIT_FAILED
        time.sleep(LOOK_EVERY_S)
    write_note(f"paused: its models and caches are freed; python -m vgpipe continue {typed_path(root)} continues it")
    return EXIT_DONE


def running(folder: Path) -> list[Path]:
    """Returns the runs below a folder at which a process is, paused ones included."""
    return [root for root in run_folders(folder) if is_in_use(root)]


def rendering(root: Path) -> Path:
    """Returns a run directory at which a process is.

    Raises:
        UsageError: where it holds no run, or no process is at it.
    """
    if not RunDir(root).holds_run():
        raise UsageError(f"{root} holds no run -> give the directory of a run, the one with clips.jsonl in it")
    if not is_in_use(root):
        remedy = f"python -m vgpipe resume {typed_path(root)}"
        raise UsageError(f"{root} does not render now: no process is at it -> {remedy}, where clips are left")
    return root


def only_run(found: Sequence[Path], command: str) -> Path:
    """Returns the only run that a command may mean.

    Args:
        found: those that it may mean.
        command: its name.

    Raises:
        UsageError: where there is none, or several.
    """
    if not found:
        what = "renders" if command == "pause" else "is paused"
        raise UsageError(f"no run below {OUTPUTS} {what} now -> python -m vgpipe {command} RUN_DIR, or ls")
    if len(found) > 1:
        typed = "; ".join(f"python -m vgpipe {command} {typed_path(root)}" for root in found[:MAX_NAMED])
        raise UsageError(f"{len(found)} runs below {OUTPUTS} may be meant -> {typed}")
    return found[0]
