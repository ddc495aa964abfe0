"""The command `continue`: finishes drafts of a run, or ends the pause of one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.commands.ls import folder_of
from vgpipe.commands.pause import OUTPUTS, only_run, rendering, running
from vgpipe.commands.registry import says_which_drafts
from vgpipe.errors import UsageError
from vgpipe.runs.exit_codes import EXIT_DONE
from vgpipe.store.pause_file import PauseFile
from vgpipe.store.run_lock import is_in_use
from vgpipe.terminal import write_note
from vgpipe.typed import shell_quoted, shown_path, typed_path

if TYPE_CHECKING:
    from vgpipe.runs.continuing import Choice

HELP = """\
usage: python -m vgpipe continue RUN_DIR pick=[...]|pick=picks.json|all|best:N
                                 [hardware=... executor=... ...]
       python -m vgpipe continue [RUN_DIR]

Finishes drafts of a run in its directory: each is denoised on from the step at which its preview
was made, to the bits of a clip that was never drafted. Neither the job file nor the original
command line is needed; with the store, any machine will do. It may be stopped or killed: type it
again, or resume.

  continue RUN_DIR 'pick=[p0123abcd,p4567cdef]'   those that report.html has marked, or clips by id
  continue RUN_DIR pick=picks.json                those picked in a file that report.html has saved
  continue RUN_DIR all                            all drafts
  continue RUN_DIR best:10                        so many in all, by the scores of their previews
  continue RUN_DIR all hardware=cpu store.dir=D   on other hardware, with the store in another place

What changes no bit may follow: hardware, memory=OPTION, memory.strategy, memory.stream, executor,
store.dir, and what resume takes. Other steps, guidance, sizes or models need a new render.

Without drafts to finish it ends a pause: the run continues in the shell that started it. Without a
directory: the one run below outputs that is paused now.

  continue                                     the run that is paused now
  continue outputs/night/2026-11-28_09-00-00   this run

exit codes: 0 the clips are done, or the run continues; 1 some clips failed; 2 bad usage, or nothing
            to continue; 3 stopped early, resumable
"""
BEST = re.compile(r"best:([0-9]{1,6})")
PICK = "pick="
MAX_SHOWN = 80


def main(arguments: Sequence[str]) -> int:
    """Finishes drafts of a run, or ends the pause of one.

    Args:
        arguments: a run directory; which drafts, and overrides.

    Returns:
        The exit code of the run; 0 where a pause ends.

    Raises:
        UsageError: where no run is paused, or there are several; where it is not said which drafts are meant.
        ConfigError: where an override is invalid, or would change the bits.
    """
    wanted = [word for word in arguments if says_which_drafts(word)]
    if wanted:
        return _finish(arguments, wanted)
    given = folder_of(arguments, "continue", ())
    if given is None:
        root = only_run([one for one in running(OUTPUTS) if PauseFile(one).is_there], "continue")
    else:
        _refuse_undecided(given)
        root = rendering(given)
    if not PauseFile(root).remove():
        raise UsageError(f"{root} is not paused: it renders")
    write_note(f"{shown_path(root)} continues")
    return EXIT_DONE


def _finish(arguments: Sequence[str], wanted: Sequence[str]) -> int:
    first, *others = arguments
    if says_which_drafts(first) or not first:
        typed = shell_quoted(wanted[0][:MAX_SHOWN])
        raise UsageError(f"continue needs the directory of a run -> python -m vgpipe continue RUN_DIR {typed}")
    if len(wanted) > 1:
        raise UsageError(f"continue takes one of pick=[...], all and best:N, not {len(wanted)} of them")
    root = Path(first)
    choice = _choice(wanted[0], root)
    if is_in_use(root):
        raise UsageError(f"{shown_path(root)} is in use: wait until it has ended, or is paused no more")
    return _resume(root, choice, wanted[0], [word for word in others if not says_which_drafts(word)])


def _resume(root: Path, choice: Choice, wanted: str, overrides: Sequence[str]) -> int:
    from vgpipe.commands.closing import show
    from vgpipe.config.continue_limits import load_continue_limits
    from vgpipe.executor.cancel_token import CancelToken
    from vgpipe.runs.bars import TerminalBars
    from vgpipe.runs.run import resume
    from vgpipe.runs.signals import cancelled_by_signals

    limits = load_continue_limits(overrides, wanted if wanted.startswith(PICK) else "")
    with cancelled_by_signals(CancelToken()) as stop:
        with TerminalBars() as bars:
            result = resume(root, limits, stop, on_progress=bars, choice=choice)
        return show(result)


def _choice(word: str, root: Path) -> Choice:
    from vgpipe.job.picks_file import names_file
    from vgpipe.runs.continuing import Choice

    text = word.removeprefix(PICK)
    if names_file(text):
        return Choice(names=names_in(text, root))
    if text == "all":
        return Choice()
    best = BEST.fullmatch(text)
    if best is not None and int(best[1]):
        return Choice(best=int(best[1]))
    names = tuple(name.strip().strip("'\"") for name in text.removeprefix("[").removesuffix("]").split(","))
    if word.startswith("best:") or not all(names):
        remedy = "continue RUN_DIR 'pick=[p0123abcd]', all, or best:10"
        raise UsageError(f"{word[:MAX_SHOWN]!r} does not say which drafts are continued -> python -m vgpipe {remedy}")
    return Choice(names=names)


def names_in(file: str, root: Path) -> tuple[str, ...]:
    """Returns the names of the clips that a file picks: ids of this run, and picks of clips that another run had."""
    from vgpipe.job.picks_file import read_picks
    from vgpipe.store.rundir import RunDir

    known = {record.get("clip") for record in RunDir(root).read_clips(warn=False)}
    return tuple(one.id if one.id in known or not one.pick else one.pick for one in read_picks(file))


def _refuse_undecided(root: Path) -> None:
    """Refuses a run of drafts at which no process is: it has to be said which of them are continued."""
    from vgpipe.report.run_facts import DRAFTED, run_facts

    if is_in_use(root):
        return
    facts = run_facts(root)
    if facts is not None and (drafts := facts.counts.get(DRAFTED, 0)):
        typed = f"python -m vgpipe continue {typed_path(root)}"
        what = f"{drafts} drafts of {shown_path(root)} can be continued"
        raise UsageError(f"{what} -> {typed} all, or 'pick=[...]' or best:10 in its place")
