"""What is said of a run before it begins: what is rendered, with which model, where to, and the plan's verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vgpipe.typed import shown_path
from vgpipe.units import counted

if TYPE_CHECKING:
    from vgpipe.plans.done_by import DoneBy


def opening(clips: int, model: str, root: Path, verdict: str = "", done_by: DoneBy | None = None) -> list[str]:
    """Returns one line, and one each for what the plan knows.

    Args:
        clips: how many there are, those in the store included.
        model: its name.
        root: the run directory.
        verdict: the first line of the plan; empty without one.
        done_by: how many clips will be done by the deadline; None where nobody knows.
    """
    lines = [f"rendering {counted(clips, 'clip')} with {model} into {shown_path(root)}"]
    return [*lines, *([verdict] if verdict else []), *([str(done_by)] if done_by is not None else [])]
