"""The command `report`: builds the pages of runs that have been."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError
from vgpipe.report.build import build
from vgpipe.report.compare import NAME, build_comparison
from vgpipe.report.contact_sheet import write_contact_sheet
from vgpipe.store.rundir import RunDir

USAGE = "python -m vgpipe report outputs/<job>/<date_time> [more runs ... [--out comparison.html]]"


def report(given: Sequence[str]) -> int:
    """Builds report.html and the contact sheet in each run directory, of several also the comparison page.

    Says where the pages are.

    Args:
        given: run directories, and `--out FILE` for the comparison page, as typed; by default it is
            `comparison.html` beside the first run.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where there is no directory among them, or one holds no run.
        StoreError: where one cannot be written.
    """
    words, out = _taken_apart(given)
    runs = [RunDir(Path(word)) for word in words]
    target = _target(runs, out)
    for run_dir in runs:
        run_dir.read_clips(warn=False)  # all of them, before anything is written
    for run_dir in runs:
        write_contact_sheet(run_dir)
        _tell(build(run_dir))
    if target is not None:
        _tell(build_comparison(runs, target))
    return 0


def _taken_apart(given: Sequence[str]) -> tuple[list[str], str | None]:
    words: list[str] = []
    out, rest = None, list(given)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag == "--out" and (equals or rest):
            out = value if equals else rest.pop(0)
        elif word.startswith("-") or not word:
            raise UsageError(f"report does not know {word!r} -> {USAGE}")
        else:
            words.append(word)
    if not words:
        raise UsageError(f"report takes run directories -> {USAGE}")
    return words, out


def _target(runs: Sequence[RunDir], out: str | None) -> Path | None:
    """Returns where the comparison page goes; None where there is nothing to compare."""
    if len(runs) < 2:
        if out is not None:
            raise UsageError(f"--out is for the comparison of several runs; one run's page lies in it -> {USAGE}")
        return None
    if out is None:
        return runs[0].root.resolve().parent / NAME
    target = Path(out)
    if target.suffix != ".html" or not target.parent.is_dir():
        raise UsageError(f"--out: {out!r} is no .html file in a folder that exists -> --out comparison.html")
    return target


def _tell(path: Path) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{path}\n".encode(encoding, "replace").decode(encoding))
