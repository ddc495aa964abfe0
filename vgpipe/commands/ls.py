"""The command `ls`: lists runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError
from vgpipe.report.run_facts import run_facts, size_bytes
from vgpipe.report.run_text import Listed, listed_values, run_table
from vgpipe.store.run_folders import run_folders
from vgpipe.terminal import terminal_width, write, write_line, write_note

HELP = """\
usage: python -m vgpipe ls [FOLDER] [--json]

Lists the runs below a folder (default: outputs), the newest first, those of a sweep together:
state, clips, failed clips, when each was started, the time it took, the size of its files. Loads no
model, changes nothing, and may be used while runs are in progress.

  rendering    a process renders it now        done         all clips are done
  paused       its process waits               failed       it has ended, and some clips failed
  stopped      it ended early (resume)         interrupted  its process has gone (resume)

  --json   one JSON object on stdout (docs/runs.md)

exit codes: 0 done; 2 bad usage, or no such folder
"""


def main(arguments: Sequence[str]) -> int:
    """Lists the runs below a folder.

    Args:
        arguments: a folder, and `--json`.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where there is no such folder.
    """
    folder = folder_of(arguments, "ls", ("--json",)) or Path("outputs")
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder} -> python -m vgpipe ls FOLDER")
    found = [facts for root in run_folders(folder) if (facts := run_facts(root)) is not None]
    runs = [Listed(facts=facts, size_bytes=size_bytes(facts.root)) for facts in found]
    if "--json" in arguments:
        write(json.dumps({"schema": 1, "runs": [listed_values(one) for one in runs]}, indent=1) + "\n")
    elif runs:
        write_line("\n".join(run_table(runs, terminal_width())))
    else:
        write_note(f"no run below {folder}")
    return 0


def folder_of(arguments: Sequence[str], command: str, flags: Sequence[str]) -> Path | None:
    """Returns the one folder among arguments; None where none is given.

    Args:
        arguments: as typed.
        command: whose arguments they are.
        flags: that it takes.

    Raises:
        UsageError: for an unknown flag, or several folders.
    """
    words = [word for word in arguments if word not in flags]
    unknown = [word for word in words if word.startswith("-") or not word] or words[1:]
    if unknown:
        raise UsageError(f"{command}: unknown argument {unknown[0]!r} -> python -m vgpipe {command} --help")
    return Path(words[0]) if words else None
