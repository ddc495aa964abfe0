"""The command `report`: builds the pages of earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vgpipe.errors import UsageError
from vgpipe.report.build import build
from vgpipe.report.compare import NAME, build_comparison
from vgpipe.report.contact_sheet import write_contact_sheet
from vgpipe.report.given import write_given
from vgpipe.report.index import write_index
from vgpipe.store.run_folders import SWEEP_END, run_folders
from vgpipe.store.rundir import RunDir
from vgpipe.terminal import write_line

USAGE = "python -m vgpipe report RUN_DIR ... [--out FILE] | FOLDER"
HELP = f"""\
usage: {USAGE}

Builds the gallery page and the contact sheet of each run from the files in its directory; of
several runs also one page that compares them. A run writes its own page, so this is for runs that
were moved, edited or made by an older version. Of a folder of runs it builds one page that lists
all of them, with search; of the folder of a sweep, the page that compares its runs.

  report outputs/                                          index.html: all runs below the folder
  report outputs/film/2026-11-28_09-00-00                  report.html in the run directory
  report outputs/film/*                                    and comparison.html beside the first run
  report outputs/film/2026-11-28_09-00-00-sweep            the same of a sweep, in its folder
  report outputs/film/* --out compared.html                and compared.html

exit codes: 0 done; 2 bad usage, or a page cannot be written
"""


def main(arguments: Sequence[str]) -> int:
    """Builds the pages and prints their paths.

    Args:
        arguments: run directories, and `--out FILE` for the comparison page; its default is `comparison.html` beside
            the first run. Or one folder that holds runs.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: where no directory is given, or one holds no run.
        StoreError: where a page cannot be written.
    """
    folders, out = _parse(arguments)
    if (listed := _folder_of_runs(folders, out)) is not None:
        write_line(str(write_index(listed, folders[0])))
        return 0
    folders = _runs_of_a_sweep(folders)
    runs = [RunDir(Path(folder)) for folder in folders]
    target = _target(runs, out)
    records = [run_dir.read_clips() for run_dir in runs]  # all of them, before anything is written
    for run_dir, known in zip(runs, records, strict=True):
        write_contact_sheet(run_dir, known)
        write_given(run_dir, known)
        write_line(str(build(run_dir, records=known)))
    if target is not None:
        write_line(str(build_comparison(runs, target)))
    return 0


def _parse(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    folders: list[str] = []
    out, rest = None, list(arguments)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag == "--out" and (equals or rest):
            out = value if equals else rest.pop(0)
        elif word.startswith("-") or not word:
            raise UsageError(f"report: unknown argument {word!r} -> {USAGE}")
        else:
            folders.append(word)
    if not folders:
        raise UsageError("report takes run directories -> python -m vgpipe report RUN_DIR ...")
    return folders, out


def _folder_of_runs(folders: Sequence[str], out: str | None) -> Path | None:
    """Returns the one folder that is given where it holds runs, and is neither a run nor a sweep; else None."""
    folder = Path(folders[0])
    if len(folders) > 1 or RunDir(folder).holds_run() or _is_sweep(folder) or not run_folders(folder):
        return None
    if out is not None:
        raise UsageError(f"--out names the comparison of several runs; {folders[0]!r} is a folder of runs -> {USAGE}")
    return folder


def _runs_of_a_sweep(folders: list[str]) -> list[str]:
    """Returns the runs of a sweep where its folder is given alone, in the order of their names; else what is given."""
    if len(folders) > 1 or RunDir(Path(folders[0])).holds_run() or not _is_sweep(Path(folders[0])):
        return folders
    return sorted(str(root) for root in run_folders(Path(folders[0]))) or folders


def _is_sweep(folder: Path) -> bool:
    return folder.resolve().name.endswith(SWEEP_END)


def _target(runs: Sequence[RunDir], out: str | None) -> Path | None:
    """Returns the path of the comparison page; None where there is nothing to compare."""
    if len(runs) < 2:
        if out is not None:
            raise UsageError(
                f"--out names the comparison of several runs; one run's page is in its directory -> {USAGE}"
            )
        return None
    if out is None:
        return runs[0].root.resolve().parent / NAME
    target = Path(out)
    if target.suffix != ".html" or not target.parent.is_dir():
        raise UsageError(f"--out: {out!r} must be an .html file in an existing folder -> --out comparison.html")
    return target
