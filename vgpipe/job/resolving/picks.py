"""Picks: the names by which clips of a job are chosen, for example drafts to render again at a higher quality.

A clip's id depends on all of its settings, steps included; its pick depends on what a draft and its final version
share.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from vgpipe.errors import Fault, JobError
from vgpipe.job.clip import Clip

MAX_SHOWN = 10


def pick_name(prompt: str, negative_prompt: str, seed: int, image_sha256: str | None, shots: Sequence[str]) -> str:
    """Returns the pick of a clip: "p" and 8 hex digits.

    Args:
        prompt: its prompt.
        negative_prompt: its negative prompt.
        seed: its seed.
        image_sha256: of the image that it begins with; None without one.
        shots: the prompts of its shots; empty for a clip of one prompt.
    """
    identity = json.dumps([prompt, negative_prompt, seed, image_sha256, list(shots)], separators=(",", ":"))
    return f"p{hashlib.sha256(identity.encode('ascii')).hexdigest()[:8]}"


def name_of(clip: Clip) -> str:
    """Returns the pick of a clip; clips that differ only in size or quality share it."""
    shots = [shot.prompt for shot in clip.shots]
    return pick_name(clip.prompt, clip.negative_prompt, clip.seed, clip.image_sha256, shots)


def only_picked(clips: Sequence[Clip], picks: Sequence[str]) -> tuple[Clip, ...]:
    """Returns the picked clips, in job order.

    Args:
        clips: all clips of the job.
        picks: their picks; empty selects all clips.

    Raises:
        JobError: where no clip of the job has one of the picks.
    """
    if not picks:
        return tuple(clips)
    named = [(name_of(clip), clip) for clip in clips]
    unknown = sorted(set(picks) - {name for name, _ in named})
    if unknown:
        listed = ", ".join(unknown[:MAX_SHOWN]) + (", ..." if len(unknown) > MAX_SHOWN else "")
        what = f"{listed}: no clip of the job has this pick"
        remedy = "copy the command again from report.html of a run of this job: its prompts or seeds have changed"
        raise JobError("invalid pick; nothing was started", [Fault("pick", what, remedy)])
    return tuple(clip for name, clip in named if name in set(picks))
