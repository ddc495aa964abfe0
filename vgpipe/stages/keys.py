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
from vgpipe.models.checkpoint import Checkpoint
from vgpipe.store.digest import Key, digest_of

ENCODE, DENOISE, DECODE, EXPORT = "encode", "denoise", "decode", "export"
STAGES = (ENCODE, DENOISE, DECODE, EXPORT)
VERSIONS = {ENCODE: 1, DENOISE: 1, DECODE: 1, EXPORT: 1}


@dataclass(frozen=True, slots=True)
class ClipKeys:
    """The store keys of one clip's artifacts; `negative` is None where guidance is off."""

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
        family: drives the model.
        checkpoint: its files; their digests are read once.
        dtype: precision of the arithmetic.
        max_sequence_length: text tokens, padding included.
    """

    family: Family
    checkpoint: Checkpoint
    dtype: str
    max_sequence_length: int

    def clip_keys(self, clip: Clip, exporter: Mapping[str, Any]) -> ClipKeys:
        """Returns every key of one clip.

        Args:
            clip: the clip.
            exporter: the exporter's name and settings, as plain values.
        """
        prompt = self.text_key(clip.prompt)
        negative = self.text_key(clip.negative_prompt) if clip.guidance_scale > 1 else None
        latents = self._latents_key(clip, prompt, negative)
        frames = self._key(DECODE, self.family.decode_parts, latents=latents.digest)
        export = _versioned(EXPORT, frames=frames.digest, fps=float(clip.fps), exporter=dict(exporter))
        return ClipKeys(prompt, negative, latents, frames, export)

    def text_key(self, text: str) -> Key:
        """Returns the key of one encoded text."""
        return self._key(ENCODE, self.family.encode_parts, text=text, max_sequence_length=self.max_sequence_length)

    def _latents_key(self, clip: Clip, prompt: Key, negative: Key | None) -> Key:
        configs = {part: digest_of(self.checkpoint.config(part)) for part in self.family.denoise_config_parts}
        index = {name: value for name, value in self.checkpoint.index.items() if not name.startswith("_")}
        return self._key(
            DENOISE,
            (*self.family.denoise_parts, "scheduler"),
            prompt=prompt.digest,
            negative=negative.digest if negative else None,
            seed=clip.seed,
            width=clip.width,
            height=clip.height,
            num_frames=clip.num_frames,
            num_inference_steps=clip.num_inference_steps,
            guidance_scale=float(clip.guidance_scale),
            configs=configs,
            index=index,
        )

    def _key(self, stage: str, parts: tuple[str, ...], **inputs: Any) -> Key:
        model = {part: [self.checkpoint.index[part], self.checkpoint.digest(part)] for part in parts}
        return _versioned(stage, family=self.family.name, model=model, dtype=self.dtype, **inputs)


def _versioned(stage: str, **inputs: Any) -> Key:
    return Key(stage, {"version": VERSIONS[stage], **inputs})
