"""The command `doctor`. Imports the standard library alone, so that it runs where any package is broken."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError
from vgpipe.terminal import write

HELP = """\
usage: python -m vgpipe doctor [--json] [--outputs DIR] [--store DIR]

Checks whether this installation and machine can render: libraries and their versions, the device,
the video encoders (each is tried), disk space and write access, the hub cache, and every model.
Suggests a fix for each problem. Also runs where torch or any other library is missing or broken.
Needs no network, writes nothing.

  --json         one JSON object (docs/doctor.md)
  --outputs DIR  where runs will be written (default: outputs)
  --store DIR    where artifacts will be kept (default: .store in the outputs)

exit codes: 0 nothing is broken; 1 something is broken; 2 bad usage
"""
EXIT_BROKEN = 1
DEFAULT_WIDTH = 100


def main(arguments: Sequence[str]) -> int:
    """Examines the installation and writes the report to stdout.

    Args:
        arguments: flags.

    Returns:
        The exit code: 0, or 1 where something is broken.

    Raises:
        UsageError: for an unknown argument.
    """
    wants_json, outputs, store = _parse(arguments)
    from vgpipe.doctor.lines import Status
    from vgpipe.doctor.report import examine
    from vgpipe.doctor.table import as_json, as_table, worst

    lines = examine(outputs, store)
    width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    write(as_json(lines) if wants_json else as_table(lines, width))
    return EXIT_BROKEN if worst(lines) is Status.BROKEN else 0


def _parse(arguments: Sequence[str]) -> tuple[bool, Path, Path]:
    folders: dict[str, Path] = {}
    wants_json, left = False, list(arguments)
    while left:
        flag, equals, value = left.pop(0).partition("=")
        if flag == "--json" and not equals:
            wants_json = True
        elif flag in ("--outputs", "--store") and (value or left):
            folders[flag] = Path(value or left.pop(0))
        else:
            raise UsageError(f"doctor: unknown argument {flag!r} -> python -m vgpipe doctor --help")
    outputs = folders.get("--outputs", Path("outputs"))
    return wants_json, outputs, folders.get("--store", outputs / ".store")
