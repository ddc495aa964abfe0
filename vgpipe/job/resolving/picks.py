"""Picking some clips of a job: drafts that are worth a final rendering at another quality.

A clip's id hangs on all its settings, steps included; a pick hangs on what stays the same from draft to final.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from vgpipe.errors import Fault, JobError
from vgpipe.job.clip import Clip

MAX_SHOWN = 10


def pick_name(prompt: str, negative_prompt: str, seed: int, image_sha256: str | None, shots: Sequence[str]) -> str:
    """Return what a clip is picked by: "p" and 8 hex digits.

    Args:
        prompt: its prompt.
        negative_prompt: its negative prompt.
        seed: its seed.
        image_sha256: of the image it begins with; None without one.
        shots: the prompts of its shots; empty for a clip of one prompt.
    """
    told = json.dumps([prompt, negative_prompt, seed, image_sha256, list(shots)], separators=(",", ":"))
    return f"p{hashlib.sha256(told.encode('ascii')).hexdigest()[:8]}"


def name_of(clip: Clip) -> str:
    """Return what a clip is picked by; clips that differ only in size or quality share it."""
    shots = [shot.prompt for shot in clip.shots]
    return pick_name(clip.prompt, clip.negative_prompt, clip.seed, clip.image_sha256, shots)


def only_picked(clips: Sequence[Clip], wanted: Sequence[str]) -> tuple[Clip, ...]:
    """Return the clips that are picked, in job order.

    Args:
        clips: all clips of the job.
        wanted: what they are picked by; empty picks all.

    Raises:
        JobError: where no clip of the job is picked by one of them.
    """
    if not wanted:
        return tuple(clips)
    named = [(name_of(clip), clip) for clip in clips]
    unknown = sorted(set(wanted) - {name for name, _ in named})
    if unknown:
        shown = ", ".join(unknown[:MAX_SHOWN]) + (", ..." if len(unknown) > MAX_SHOWN else "")
        what = f"{shown}: no clip of the job is picked by it"
        remedy = "copy the command anew from report.html of a run of this job: its prompts or seeds have changed"
        raise JobError("the pick is faulty; nothing was started", [Fault("pick", what, remedy)])
    return tuple(clip for name, clip in named if name in set(wanted))
