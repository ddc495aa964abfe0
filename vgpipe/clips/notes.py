"""What a user should know of a clip that is no degradation: it was made as asked, but not all of that has an effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.units import counted

MAX_LINES = 5
"""Notes that are shown one by one where people read; a job of thousands may have thousands."""
MAX_NAMED = 3
"""Clips that a note is shown with."""
Noted = tuple[str, Sequence[str]]
"""A clip's id and its notes."""


def notes_of_settings(clip: Clip, family: Family, reference_negative: str = "") -> tuple[str, ...]:
    """Returns what the settings of a clip alone tell, a sentence each.

    Args:
        clip: what to make.
        family: drives the model that makes it.
        reference_negative: the negative prompt of the model's reference settings, of which nothing is said.
    """
    asked = clip.negative_prompt.strip()
    if not asked or asked == reference_negative.strip():
        return ()
    obstacle = family.negative_prompt_obstacle(clip.guidance_scale)
    return (f"the negative prompt has no effect: {obstacle}",) if obstacle else ()


def noted_lines(clips: Iterable[Noted]) -> list[str]:
    """Returns every note once, behind the names of the clips that it is of.

    Args:
        clips: in job order.
    """
    names_of: dict[str, list[str]] = defaultdict(list)
    for name, notes in clips:
        for note in notes:
            names_of[note].append(name)
    return [f"{_named(names)}: {note}" for note, names in names_of.items()]


def _named(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {counted(more, 'more clip')}" if more > 0 else "")
