"""Whether the system can write the names of a run's files, and tell them apart, asked before anything is rendered."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from vgpipe.errors import UsageError
from vgpipe.job.clip import Clip
from vgpipe.job.resolving.file_names import equal_names, folded
from vgpipe.store.rundir import RunDir
from vgpipe.typed import shown_path


def refuse_unwritable_names(clips: Iterable[Clip]) -> None:
    """Refuses clips that could not be saved under their names, which have letters of their prompts.

    Raises:
        UsageError: where the locale has no such letters.
    """
    for clip in clips:
        try:
            os.fsencode(clip.stem)
        except UnicodeEncodeError:
            raise UsageError(
                f"the locale of this shell writes file names in {sys.getfilesystemencoding()}, which lacks letters of "
                f"{clip.stem!a}; nothing was started -> export PYTHONUTF8=1, then run the same command again"
            ) from None


def refuse_names_that_differ_in_case(run_dir: RunDir, clips: Sequence[Clip]) -> None:
    """Refuses clips whose names, of `run.name`, the disk of a run does not tell apart: `A cat` and `a cat`.

    Args:
        run_dir: of the run, locked.
        clips: its clips; those without a name of their own have ids, which are folded.

    Raises:
        UsageError: where two clips would have one file.
    """
    if not run_dir.folds_case() or not any(clip.name for clip in clips):
        return
    for first, second, _ in equal_names(clips, [folded(clip.stem) for clip in clips])[:1]:
        raise UsageError(
            f"the disk of {shown_path(run_dir.root)} takes {first.stem!a} and {second.stem!a} for one name; nothing "
            "was started -> add {id}, {seed} or {index} to run.name"
        )
