"""The store keys of every stage: what can change an artifact's bits, and nothing else.

Placement and speed (device, memory strategy, executor) are left out; precision is in. A stage's version goes up
whenever its code would give other bits for the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.store.digest import Key

ENCODE, DENOISE, DECODE, EXPORT = "encode", "denoise", "decode", "export"
STAGES = (ENCODE, DENOISE, DECODE, EXPORT)
VERSIONS = {ENCODE: 2, DENOISE: 2, DECODE: 2, EXPORT: 1}


@dataclass(frozen=True, slots=True)
class ClipKeys:
    """The store keys of one clip's artifacts; `negative` is None where it plays no part."""

    prompt: Key
    negative: Key | None
    latents: Key
    frames: Key
    export: Key

    @property
    def texts(self) -> tuple[Key, ...]:
        """The keys of all its encoded texts."""
        return (self.prompt, self.negative) if self.negative else (self.prompt,)


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """Makes the keys of clips of one model.

    Attributes:
        family: drives the model; the digests of its files are read once.
        watermark: text drawn over the frames of a placeholder; None leaves them as they are.
    """

    family: Family
    watermark: str | None = None

    def clip_keys(
        self, clip: Clip, exporter: Mapping[str, Any], families: Mapping[str, Family] | None = None
    ) -> ClipKeys:
        """Returns every key of one clip.

        Args:
            clip: the clip.
            exporter: the exporter's name and settings, as plain values.
            families: stage -> what drives it, where that is not `family`.
        """
        by_stage = {stage: (families or {}).get(stage, self.family) for stage in STAGES}
        prompt = text_key(by_stage[ENCODE], clip.prompt)
        uses_negative = self.family.uses_negative_prompt(clip.guidance_scale)
        negative = text_key(by_stage[ENCODE], clip.negative_prompt) if uses_negative else None
        latents = _latents_key(by_stage[DENOISE], clip, prompt, negative)
        decoder = by_stage[DECODE]
        frames = _key(decoder, DECODE, _parts(decoder, decoder.decode_parts), latents=latents.digest)
        marks = {"watermark": self.watermark} if self.watermark else {}
        export = _versioned(EXPORT, frames=frames.digest, fps=float(clip.fps), exporter=dict(exporter), **marks)
        return ClipKeys(prompt, negative, latents, frames, export)


def text_key(family: Family, text: str) -> Key:
    """Returns the key of one encoded text."""
    limit = family.settings.max_sequence_length
    return _key(family, ENCODE, _parts(family, family.encode_parts), text=text, max_sequence_length=limit)


def _latents_key(family: Family, clip: Clip, prompt: Key, negative: Key | None) -> Key:
    return _key(
        family,
        DENOISE,
        family.denoise_identity(from_image=clip.image is not None),
        prompt=prompt.digest,
        negative=negative.digest if negative else None,
        image=clip.image_sha256,
        seed=clip.seed,
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        fps=float(clip.fps) if family.uses_fps else None,
        num_inference_steps=clip.num_inference_steps,
        guidance_scale=float(clip.guidance_scale),
    )


def _parts(family: Family, parts: tuple[str, ...]) -> dict[str, Any]:
    return {part: family.identity(part) for part in parts}


def _key(family: Family, stage: str, model: Mapping[str, Any], **inputs: Any) -> Key:
    return _versioned(stage, family=family.name, model=dict(model), **inputs)


def _versioned(stage: str, **inputs: Any) -> Key:
    return Key(stage, {"version": VERSIONS[stage], **inputs})
