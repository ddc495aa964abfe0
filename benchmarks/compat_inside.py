"""Runs command lines of vgpipe in the python that runs this file, each in a process of its own.

The processes are forks of one that has imported torch, diffusers and transformers, which is most of what a small clip
costs. compat.py starts it in each of its venvs.

usage: python benchmarks/compat_inside.py SPEC.json    {"classes": [[library, class]], "cases": {folder: [argument]}}
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

LIMIT_S = 300


def import_early(classes: Iterable[Sequence[str]]) -> None:
    """Imports what the cases will need; what cannot be imported is left for them to tell."""
    for library, name in classes:
        with contextlib.suppress(Exception):
            getattr(importlib.import_module(library), name)


def run_forked(place: Path, arguments: Sequence[str]) -> None:
    """Runs one command line in `place`; leaves its texts in `out` and `err`, code and seconds in `ended.json`."""
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _run(place, arguments)
    _, status = os.waitpid(child, 0)
    ended = {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - started}
    (place / "ended.json").write_text(json.dumps(ended))


def _run(place: Path, arguments: Sequence[str]) -> None:
    code = 1
    try:
        signal.alarm(LIMIT_S)
        os.chdir(place)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        from vgpipe.cli import main

        code = main(list(arguments))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text())
    import_early(spec["classes"])
    for folder, arguments in spec["cases"].items():
        run_forked(Path(folder), arguments)


if __name__ == "__main__":
    main()
