"""The command `gc`: frees what no kept run needs of the store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vgpipe.commands.chosen_store import chosen_store
from vgpipe.errors import UsageError
from vgpipe.terminal import write_line, write_note
from vgpipe.units import GIB, format_size

USAGE = "python -m vgpipe gc [--dry-run] [--keep-days N] [--max-gb X] [DIR ...] [store.dir=DIR]"
HELP = f"""\
usage: {USAGE}
       python -m vgpipe gc --forget RUN_DIR

Frees what no kept run needs of the store. A run is kept for as long as its directory exists. Of its
finished clips it needs the finished files; of clips that are not done also the latents, checkpoints
and encoded texts, and of drafts the previews. What goes, goes in this order: checkpoints, frames,
scores, previews, latents, encoded texts (embeds), tails, finished files. Nothing younger than 6
hours goes, and nothing that a running process needs.

  gc --dry-run          sizes by kind, and what would go
  gc                    free all of it
  gc --keep-days 7      keep what was made or used in the last 7 days
  gc --max-gb 50        free only as much as it takes for the store to be at most 50 GiB; where that
                        is not enough, also what unfinished clips need that no process is making:
                        frames, tails, texts, scores, previews, checkpoints, then latents, which are
                        made again
  gc /data/old-runs     look for runs there too: those of older versions are not listed
  gc --forget RUN_DIR   that run needs nothing any more, although it cannot be looked at

store.max_gb=50 does it at the end of each run (docs/store.md).

exit codes: 0 done; 2 bad usage, or another process is doing it
"""
DAY_S = 86_400.0


@dataclass
class _Typed:
    is_dry: bool = False
    keep_days: float = 0.0
    max_gb: float | None = None
    forget: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Frees what goes, and prints what was freed; with `--dry-run` only says so.

    Args:
        arguments: flags, folders with further runs, `store.dir=DIR`.

    Returns:
        The exit code, 0.

    Raises:
        UsageError: for bad usage, a folder that is not there, or where another process is doing it.
    """
    typed = _parse(arguments)
    store = chosen_store(typed.overrides, USAGE)
    from vgpipe.garbage.choice import Beyond
    from vgpipe.garbage.tidying import Tidying, tidy
    from vgpipe.garbage.wording import freed_text, outlook_lines

    _forget(store, typed)
    tidying = Tidying(
        store,
        typed.folders,
        keep_s=typed.keep_days * DAY_S,
        max_bytes=None if typed.max_gb is None else round(typed.max_gb * GIB),
        beyond=Beyond.UNFINISHED,
    )
    if typed.is_dry:
        outlook = tidying.outlook()
        write_line("\n".join([str(store), *outlook_lines(outlook)]))
        write_line(f"gc would free {format_size(outlook.frees_bytes)}; nothing was removed")
    else:
        outlook, freed = tidy(tidying)
        write_line("\n".join([str(store), *outlook_lines(outlook)]))
        write_line(freed_text(freed))
    if typed.max_gb is not None and outlook.left_bytes > typed.max_gb * GIB:
        write_note(
            f"the store has {format_size(outlook.left_bytes)} that kept runs or running processes need, or that is too "
            "young: remove run directories to free more"
        )
    return 0


def _forget(store: Path, typed: _Typed) -> None:
    from vgpipe.store.run_list import forget_run

    for run in typed.forget:
        if run.exists():
            raise UsageError(f"--forget {run}: the run is there -> remove its directory, and gc frees what it needed")
        if typed.is_dry:
            raise UsageError("--forget changes the store's list of runs -> leave out --dry-run")
        if not forget_run(store, run):
            raise UsageError(f"--forget {run}: {store} lists no such run -> type its path as gc --dry-run shows it")


def _parse(arguments: Sequence[str]) -> _Typed:
    typed, rest = _Typed(), list(arguments)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag in ("--keep-days", "--max-gb", "--forget"):
            if not equals:
                if not rest:
                    raise UsageError(f"{flag} takes a value -> {USAGE}")
                value = rest.pop(0)
            _take(typed, flag, value)
        elif word == "--dry-run":
            typed.is_dry = True
        elif word.startswith("-") or not word:
            raise UsageError(f"gc: unknown argument {word!r} -> {USAGE}")
        elif equals and not Path(word).exists():
            typed.overrides.append(word)
        elif not Path(word).is_dir():
            raise UsageError(f"gc: {word!r} must be a folder with runs -> {USAGE}")
        else:
            typed.folders.append(Path(word))
    return typed


def _take(typed: _Typed, flag: str, value: str) -> None:
    if flag == "--forget":
        typed.forget.append(Path(value))
    elif flag == "--keep-days":
        typed.keep_days = _number(flag, value)
    else:
        typed.max_gb = _number(flag, value)


def _number(flag: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"{flag}: {value!r} must be a number of at least 0 -> {flag} 7")
    return number
