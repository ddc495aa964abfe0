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

    def clip_keys(self, clip: Clip, exporter: Mapping[str, Any]) -> ClipKeys:
        """Returns every key of one clip.

        Args:
            clip: the clip.
            exporter: the exporter's name and settings, as plain values.
        """
        prompt = self.text_key(clip.prompt)
        uses_negative = self.family.uses_negative_prompt(clip.guidance_scale)
        negative = self.text_key(clip.negative_prompt) if uses_negative else None
        latents = self._latents_key(clip, prompt, negative)
        frames = self._key(DECODE, self._parts(self.family.decode_parts), latents=latents.digest)
        marks = {"watermark": self.watermark} if self.watermark else {}
        export = _versioned(EXPORT, frames=frames.digest, fps=float(clip.fps), exporter=dict(exporter), **marks)
        return ClipKeys(prompt, negative, latents, frames, export)

    def text_key(self, text: str) -> Key:
        """Returns the key of one encoded text."""
        limit = self.family.settings.max_sequence_length
        return self._key(ENCODE, self._parts(self.family.encode_parts), text=text, max_sequence_length=limit)

    def _latents_key(self, clip: Clip, prompt: Key, negative: Key | None) -> Key:
        return self._key(
            DENOISE,
            self.family.denoise_identity(from_image=clip.image is not None),
            prompt=prompt.digest,
            negative=negative.digest if negative else None,
            image=clip.image_sha256,
            seed=clip.seed,
            width=clip.width,
            height=clip.height,
            num_frames=clip.num_frames,
            fps=float(clip.fps) if self.family.uses_fps else None,
            num_inference_steps=clip.num_inference_steps,
            guidance_scale=float(clip.guidance_scale),
        )

    def _parts(self, parts: tuple[str, ...]) -> dict[str, Any]:
        return {part: self.family.identity(part) for part in parts}

    def _key(self, stage: str, model: Mapping[str, Any], **inputs: Any) -> Key:
        return _versioned(stage, family=self.family.name, model=dict(model), **inputs)


def _versioned(stage: str, **inputs: Any) -> Key:
    return Key(stage, {"version": VERSIONS[stage], **inputs})
