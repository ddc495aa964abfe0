"""Whether the system can write the names of a run's files, asked before anything is rendered."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from vgpipe.errors import UsageError
from vgpipe.job.clip import Clip


def refuse_unwritable_names(clips: Iterable[Clip]) -> None:
    """Refuses clips that could not be saved under their names, which have letters of their prompts.

    Raises:
        UsageError: where the locale has no such letters.
    """
    for clip in clips:
        try:
            os.fsencode(clip.id)
        except UnicodeEncodeError:
            raise UsageError(
                f"the locale of this shell writes file names in {sys.getfilesystemencoding()}, which lacks letters of "
                f"{clip.id!a}; nothing was started -> export PYTHONUTF8=1, then run the same command again"
            ) from None
