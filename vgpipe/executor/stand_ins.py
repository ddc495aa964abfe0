"""Fits a clip to another model than the one it was asked of."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.config.model_schema import ModelConfig
from vgpipe.job.clip import Clip
from vgpipe.job.naming import DIGEST_DIGITS, MAX_ID_BYTES

DIGEST_CHARS = DIGEST_DIGITS + 1  # with the "-" before them


def stand_in(clip: Clip, model: ModelConfig, mark: str) -> Clip:
    """Returns the clip as another model can make it: text and seed are kept, the shape is the nearest it has.

    Args:
        clip: what was asked for.
        model: what stands in.
        mark: goes into the id, so that no file passes for what was asked for.
    """
    rules, reference = model.rules, model.reference
    wanted = rules.num_frames_for(clip.num_frames / clip.fps, reference.fps)
    scale = min(1.0, rules.largest_side / max(clip.width, clip.height))  # keeps the shape of the picture
    takes_image = rules.image != "never"
    return replace(
        clip,
        id=_marked(clip.id, mark),
        width=rules.nearest_side(round(clip.width * scale)),
        height=rules.nearest_side(round(clip.height * scale)),
        num_frames=rules.nearest_num_frames(wanted),
        fps=reference.fps,
        num_inference_steps=reference.num_inference_steps,
        guidance_scale=reference.guidance_scale,
        model=model.name,
        image=clip.image if takes_image else None,
        image_sha256=clip.image_sha256 if takes_image else None,
    )


def _marked(clip_id: str, mark: str) -> str:
    room = MAX_ID_BYTES - len(mark) - 1 - DIGEST_CHARS
    slug = clip_id[:-DIGEST_CHARS].encode()[:room].decode(errors="ignore").rstrip("-")
    return f"{slug}{clip_id[-DIGEST_CHARS:]}-{mark}"
