"""LTX-Video up to 0.9.1: text to video, and image to video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.models.base import Components, DecodeRequest, DenoiseRequest, Embeds
from vgpipe.models.stock import StockFamily

if TYPE_CHECKING:
    import numpy as np


class LtxFamily(StockFamily):
    """Drives `diffusers.LTXPipeline`, and `LTXImageToVideoPipeline` for clips that begin with an image."""

    name = "ltx"
    pipeline = "LTXPipeline"
    image_pipeline = "LTXImageToVideoPipeline"
    uses_fps = True

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text; padding is masked."""
        embeds, mask, *_ = pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=self.settings.max_sequence_length
        )
        return {"prompt_embeds": embeds, "prompt_attention_mask": mask}

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call; positions in time are counted in seconds."""
        return {"frame_rate": request.fps, **super().call_arguments(pipeline, request)}

    def decode(self, parts: Components, request: DecodeRequest) -> np.ndarray:
        """Decodes latents to frames (T, H, W, 3) uint8.

        The VAE of 0.9.1 draws noise from torch's global generator, which is given the clip's seed meanwhile.
        """
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(request.generator.initial_seed())
            return super().decode(parts, request)

    def blank_embeds(self, request: DecodeRequest) -> dict[str, Any]:
        """Returns embeddings for a call in which no step remains."""
        import torch

        return {**super().blank_embeds(request), "prompt_attention_mask": torch.ones(1, 1, dtype=torch.bool)}

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Asks for two steps, of which none is made: a schedule of one cannot be stretched to its last noise level."""
        return {**arguments, "num_inference_steps": 2}
