"""What is said of a run before it begins: what is rendered, with which model, where to, and for how long."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.typed import shown_path
from vgpipe.units import counted

if TYPE_CHECKING:
    from vgpipe.plans.done_by import DoneBy
    from vgpipe.plans.figures import Span


def opening(
    clips: int, model: str, root: Path, expected_s: Span | None, workers: str = "", done_by: DoneBy | None = None
) -> list[str]:
    """Returns one line, and another where the plan knows how long it takes.

    Args:
        clips: how many there are, those in the store included.
        model: its name.
        root: the run directory.
        expected_s: the least and the most seconds that the clips to make take; None where nothing is known.
        workers: those of the forecast, in words; empty for one.
        done_by: how many clips will be done by the deadline; None where nobody knows.
    """
    lines = [f"rendering {counted(clips, 'clip')} with {model} into {shown_path(root)}"]
    if expected_s is not None:
        from vgpipe.plans import figures  # a finished job has no forecast

        end = figures.finishing(expected_s, datetime.now())
        crew = f" with {workers}" if workers else ""
        lines.append(f"forecast: {figures.seconds(expected_s)}{crew}, done at {end}")
    if done_by is not None:
        lines.append(str(done_by))
    return lines
