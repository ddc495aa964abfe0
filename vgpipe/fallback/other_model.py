"""Fits a clip to another model than the one that the user asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vgpipe.config.model_schema import ModelConfig
from vgpipe.job.clip import Clip, Shot
from vgpipe.job.naming import DIGEST_DIGITS, MAX_ID_BYTES
from vgpipe.job.resized import resized
from vgpipe.job.resolving.continuations import fit_continuation
from vgpipe.job.resolving.lengths import Length
from vgpipe.job.rules import ShapeRules

DIGEST_CHARS = DIGEST_DIGITS + 1  # with the "-" before them


def fit_to_model(clip: Clip, model: ModelConfig, mark: str) -> Clip:
    """Returns the clip as another model can make it: text and seed are kept, the shape is the nearest it has.

    Args:
        clip: what the user asked for.
        model: the other model.
        mark: goes into the id, so that no file passes for the one that the user asked for.
    """
    rules, reference = model.rules, model.reference
    lengths = _lengths(clip, model)
    at_once = rules.nearest_num_frames(rules.num_frames_for(clip.num_frames / clip.fps, reference.fps))
    scale = min(1.0, rules.largest_side / max(clip.width, clip.height))  # keeps the shape of the picture
    fitting = resized(
        without_untaken(clip, rules),
        width=rules.nearest_side(round(clip.width * scale)),
        height=rules.nearest_side(round(clip.height * scale)),
        num_frames=lengths.num_frames if lengths.continuation else at_once,
    )
    return replace(
        fitting,
        id=_marked(clip.id, mark),
        name=None,
        fps=reference.fps,
        num_inference_steps=reference.num_inference_steps,
        guidance_scale=reference.guidance_scale,
        model=model.name,
        shots=_shots(clip, lengths) if lengths.continuation else (),
        continuation=lengths.continuation,
    )


def without_untaken(clip: Clip, rules: ShapeRules) -> Clip:
    """Returns a clip without the images and the video that a model takes none of.

    Args:
        clip: the clip.
        rules: of the model.
    """
    use = "continue" if clip.strength is None else "restyle"
    left: dict[str, Any] = {}
    if rules.image == "never":
        left |= {"image": None, "image_sha256": None}
    if rules.last_image == "never":
        left |= {"last_image": None, "last_image_sha256": None}
    if rules.images == "never":
        left["images"] = ()
    if use not in rules.video:
        left |= {"video": None, "video_sha256": None, "video_num_frames": None, "strength": None}
    return replace(clip, **left)


def _lengths(clip: Clip, model: ModelConfig) -> Length:
    """Returns how long a clip that is made in segments, and its shots, are at the other model's rate."""
    if clip.continuation is None:
        return Length((clip.num_frames,), None)
    reference = model.reference
    shots = [shot.num_frames for shot in clip.shots] or [clip.num_frames]
    counts = tuple(max(1, round(count / clip.fps * reference.fps)) for count in shots)
    how = fit_continuation(
        counts,
        model.rules,
        reference=reference.num_frames,
        num_inference_steps=reference.num_inference_steps,
        match_color=clip.continuation.match_color,
    )
    return Length(counts, how)


def _shots(clip: Clip, lengths: Length) -> tuple[Shot, ...]:
    return tuple(replace(shot, num_frames=count) for shot, count in zip(clip.shots, lengths.shots, strict=False))


def _marked(clip_id: str, mark: str) -> str:
    room = MAX_ID_BYTES - len(mark) - 1 - DIGEST_CHARS
    slug = clip_id[:-DIGEST_CHARS].encode()[:room].decode(errors="ignore").rstrip("-")
    return f"{slug}{clip_id[-DIGEST_CHARS:]}-{mark}"
