"""Logs the notes of a run's clips: some on the terminal, all of them in run.log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.notes import MAX_LINES, noted_lines
from vgpipe.units import counted

log = logging.getLogger(__name__)


def log_notes(states: Sequence[ClipState]) -> None:
    """Logs the first notes as warnings, each once, and those of each clip for run.log alone.

    Args:
        states: the clips of a run, in job order.
    """
    lines = noted_lines((state.id, state.notes) for state in states)
    for line in lines[:MAX_LINES]:
        log.warning("%s", line)
    hidden = len(lines) - MAX_LINES
    if hidden > 0:
        log.warning("and %s on clips: run.log and the report have all", counted(hidden, "more note"))
    shown = set(lines[:MAX_LINES])
    for state in states:
        for line in noted_lines([(state.id, state.notes)]):
            if line not in shown:
                log.debug("%s", line)
