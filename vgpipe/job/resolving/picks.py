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


def pick_name(
    prompt: str,
    negative_prompt: str,
    seed: int,
    image_sha256: str | None,
    shots: Sequence[str],
    others: Sequence[object] = (),
) -> str:
    """Returns the pick of a clip: "p" and 8 hex digits.

    Args:
        prompt: its prompt.
        negative_prompt: its negative prompt.
        seed: its seed.
        image_sha256: of the image that it begins with; None without one.
        shots: the prompts of its shots; empty for a clip of one prompt.
        others: what else it is given, of `others_given`.
    """
    facts = [prompt, negative_prompt, seed, image_sha256, list(shots), *([list(others)] if others else [])]
    identity = json.dumps(facts, separators=(",", ":"))
    return f"p{hashlib.sha256(identity.encode('ascii')).hexdigest()[:8]}"


def others_given(
    last_image_sha256: str | None,
    images: Sequence[tuple[int, str]],
    video_sha256: str | None,
    strength: float | None,
    audio: str | None = None,
) -> list[object]:
    """Returns the digests of what a clip is given beside its first image; empty where that is nothing.

    Args:
        last_image_sha256: of its last image; None without one.
        images: frame and digest of each image at a frame.
        video_sha256: of its video; None without one.
        strength: of restyling that; None where none is restyled.
        audio: the digest of its sound file, or a word; None for what the model makes.
    """
    facts: list[object] = [last_image_sha256, [list(one) for one in images], video_sha256, strength]
    known = facts if last_image_sha256 or images or video_sha256 else []
    return [*known, {"audio": audio}] if audio else known


def name_of(clip: Clip) -> str:
    """Returns the pick of a clip; clips that differ only in size or quality share it."""
    shots = [shot.prompt for shot in clip.shots]
    placed = [(one.frame, one.image_sha256) for one in clip.images]
    others = others_given(
        clip.last_image_sha256, placed, clip.video_sha256, clip.strength, clip.audio_sha256 or clip.audio
    )
    return pick_name(clip.prompt, clip.negative_prompt, clip.seed, clip.image_sha256, shots, others)


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
