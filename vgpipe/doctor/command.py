"""The command `doctor`: its options, its output, its exit code."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError

HELP = """\
usage: python -m vgpipe doctor [--json] [--outputs DIR] [--store DIR]

Says whether this installation and machine can render: libraries and their versions, the device, encoders (tried),
disk and write access, the hub cache, and every model; each with what to type where something is wrong.
Runs also where torch or any other library is missing or cannot be imported. Needs no network, writes nothing.

  --json         one JSON object (docs/doctor.md)
  --outputs DIR  where runs will be written (default: outputs)
  --store DIR    where artifacts will be kept (default: .store in the outputs)

exit codes: 0 nothing is broken; 1 something is broken; 2 bad usage
"""
EXIT_BROKEN = 1


def doctor(arguments: Sequence[str]) -> int:
    """Examines the installation and writes the report to stdout.

    Args:
        arguments: what was typed after `doctor`.

    Returns:
        The exit code: 0, or 1 where something is broken.

    Raises:
        UsageError: for an unknown argument.
    """
    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(HELP)
        return 0
    wants_json, outputs, store = _parse(arguments)
    from vgpipe.doctor.lines import Status
    from vgpipe.doctor.report import examine
    from vgpipe.doctor.table import as_json, as_table, worst

    lines = examine(outputs, store)
    text = as_json(lines) if wants_json else as_table(lines, shutil.get_terminal_size((100, 24)).columns)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
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
            raise UsageError(f"doctor does not know {flag!r} -> python -m vgpipe doctor --help")
    outputs = folders.get("--outputs", Path("outputs"))
    return wants_json, outputs, folders.get("--store", outputs / ".store")
