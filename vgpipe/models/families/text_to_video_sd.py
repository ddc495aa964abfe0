"""ModelScope's text to video, and the checkpoints made from it (zeroscope)."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import Components, Embeds
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import TextReader
from vgpipe.models.windows.window_cuts import WindowCuts

if TYPE_CHECKING:
    import torch

DEPRECATIONS = logging.getLogger("diffusers.pipelines.pipeline_utils")


class TextToVideoSDFamily(StockFamily):
    """Drives `diffusers.TextToVideoSDPipeline`."""

    name = "text_to_video_sd"
    pipeline = "TextToVideoSDPipeline"
    denoisers = ("unet",)
    continuations = ("window",)
    window_cuts = WindowCuts("sample", 2)

    def embeds(self, pipeline: Any, text: str) -> Embeds:
        """Encodes one text; its length is CLIP's own."""
        first, _ = pipeline.encode_prompt(text, pipeline._execution_device, 1, do_classifier_free_guidance=False)
        return {"prompt_embeds": first}

    def loop_latents(self, sample: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Returns what a scheduler steps on, one image a frame, as video."""
        if sample.ndim == latents.ndim:  # of AnimateDiff
            return super().loop_latents(sample, latents)
        frames_BTCHW = latents.transpose(1, 2)
        return super().loop_latents(sample.reshape(frames_BTCHW.shape).transpose(1, 2), latents)

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: as it is, up to its own length."""
        return (TextReader(tokenizer="tokenizer", limit=None),)

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Puts the stock pipeline together; its deprecation is reported once, by the model's note."""
        level = DEPRECATIONS.level
        DEPRECATIONS.setLevel(logging.ERROR)
        try:
            return super().build(class_name, components, config_only=config_only)
        finally:
            DEPRECATIONS.setLevel(level)
