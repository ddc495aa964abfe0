"""The protocol of a model family: how its stock diffusers pipeline does each stage.

Shape suffixes: L text tokens, D text width, C channels, T time, H height, W width; a leading 1 is the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vgpipe.models.checkpoint import Checkpoint

Embeds = Mapping[str, "torch.Tensor"]
Components = Mapping[str, Any]
StepCallback = Callable[[int, "torch.Tensor"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiseRequest:
    """One denoising pass, in diffusers' own parameter names.

    Attributes:
        embeds: what `Family.encode` gave for the prompt.
        negative_embeds: the same for the negative prompt; None where guidance is off.
        width: pixels.
        height: pixels.
        num_frames: frames.
        num_inference_steps: steps of the whole schedule, those already done included.
        guidance_scale: classifier-free guidance; 1 or less is off.
        generator: CPU generator of the clip; it draws the noise unless `latents` is given.
        latents: where to go on from, (1, C, T, H, W) float32; None starts from noise.
        on_step_end: called with (steps done in this pass, latents) after each step.
    """

    embeds: Embeds
    negative_embeds: Embeds | None
    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    guidance_scale: float
    generator: torch.Generator
    latents: torch.Tensor | None
    on_step_end: StepCallback


class Family(Protocol):
    """Drives the stock pipeline of one model family.

    Attributes:
        name: as in `model.family`.
        encode_parts, denoise_parts, decode_parts: components that must be loaded for the stage.
        denoise_config_parts: components of which only the config shapes the latents.
    """

    name: str
    encode_parts: tuple[str, ...]
    denoise_parts: tuple[str, ...]
    denoise_config_parts: tuple[str, ...]
    decode_parts: tuple[str, ...]

    def encode(self, parts: Components, text: str, *, max_sequence_length: int) -> Embeds:
        """Encodes one text exactly as the stock pipeline does; CPU tensors with a leading batch of 1."""
        ...

    def denoise(
        self, checkpoint: Checkpoint, parts: Components, scheduler: Any, request: DenoiseRequest
    ) -> torch.Tensor:
        """Runs the stock pipeline to latents (1, C, T, H, W), CPU float32."""
        ...

    def decode(self, checkpoint: Checkpoint, parts: Components, latents_1CTHW: torch.Tensor) -> np.ndarray:
        """Decodes latents to frames (T, H, W, 3) uint8."""
        ...
