"""How many steps of a clip a draft makes, and which of its segments.

A draft is the first steps of the clip itself, at its full schedule: the clip, its id and the key of its latents are
those of the finished clip. Of a clip that is made segment by segment it is the first segment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vgpipe.job.clip import Clip
from vgpipe.job.segment import Segment
from vgpipe.job.segments import segments_of
from vgpipe.units import counted

Draft = int | str
"""A number of steps, at least 1; or a share of them as it is typed, above 0 % and below 100 %."""
PERCENT = 100
SHARE = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,6})?) ?%")


def is_draft(value: object) -> bool:
    """Returns whether a value says how much of each clip is drafted."""
    if isinstance(value, str):
        found = SHARE.fullmatch(value)
        return found is not None and float(found[1]) > 0
    return type(value) is int and value >= 1


def draft_steps(draft: Draft | None, num_inference_steps: int) -> int | None:
    """Returns the steps after which a clip stops; None where it is made to the end.

    Args:
        draft: what was asked for, as `is_draft` takes it; None where nothing is drafted.
        num_inference_steps: of the clip, at least 1.
    """
    if draft is None:
        return None
    steps = draft if isinstance(draft, int) else max(1, round(_share(draft) * num_inference_steps))
    return steps if steps < num_inference_steps else None


def draft_notes(draft: Draft | None, clips: Sequence[Clip]) -> list[str]:
    """Returns what the user should know of clips that have too few steps to be drafted, a sentence at most.

    Args:
        draft: what was asked for.
        clips: of the run.
    """
    whole = [clip for clip in clips if draft is not None and draft_steps(draft, clip.num_inference_steps) is None]
    if not whole:
        return []
    share = f"; a share of them: draft={draft}%" if isinstance(draft, int) and draft < PERCENT else ""
    most = max(clip.num_inference_steps for clip in whole)
    which = "the clip has" if len(clips) == 1 else f"{len(whole)} of {counted(len(clips), 'clip')} have"
    return [f"draft={draft}: {which} no more than {counted(most, 'step')} and will be made to the end{share}"]


def segments_made(clip: Clip, draft: int | None) -> tuple[Segment, ...]:
    """Returns the segments of a clip that are made: all of them, or the first alone of a draft.

    Args:
        clip: the clip.
        draft: the steps after which it stops; None where it is made to the end.
    """
    return segments_of(clip)[: None if draft is None else 1]


def _share(text: str) -> float:
    found = SHARE.fullmatch(text)
    return float(found[1]) / 100 if found else 1.0
