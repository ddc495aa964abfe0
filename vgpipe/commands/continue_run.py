"""The command `continue`: ends the pause of a run."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.commands.ls import folder_of
from vgpipe.commands.pause import OUTPUTS, only_run, rendering, running
from vgpipe.errors import UsageError
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.store.pause_file import PauseFile
from vgpipe.terminal import write_note
from vgpipe.typed import shown_path

HELP = """\
usage: python -m vgpipe continue [RUN_DIR]

Ends the pause of a run, which continues in the shell that started it, with bit-identical
output. Without a directory: the one run below outputs that is paused now. A run whose process has
ended is finished by `resume`.

  continue                                     the run that is paused now
  continue outputs/night/2026-11-28_09-00-00   this run

exit codes: 0 it continues; 2 bad usage, or no run is paused
"""


def main(arguments: Sequence[str]) -> int:
    """Ends the pause of a run.

    Args:
        arguments: a run directory.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where no run is paused, or there are several.
    """
    picks = [word for word in arguments if word.startswith("pick=")]
    if picks:
        raise UsageError(f"continue takes no {picks[0][:80]!r}: it continues a whole run -> python -m vgpipe continue")
    given = folder_of(arguments, "continue", ())
    if given is None:
        root = only_run([one for one in running(OUTPUTS) if PauseFile(one).is_there], "continue")
    else:
        root = rendering(given)
    if not PauseFile(root).remove():
        raise UsageError(f"{root} is not paused: it renders")
    write_note(f"{shown_path(root)} continues")
    return EXIT_DONE
