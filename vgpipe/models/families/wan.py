"""Wan 2.1 and 2.2: text to video, and image to video where the checkpoint takes one."""

from __future__ import annotations

from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import Along, WindowCuts


class WanFamily(StockFamily):
    """Drives `diffusers.WanPipeline`, and `WanImageToVideoPipeline` for clips that begin with an image."""

    name = "wan"
    pipeline = "WanPipeline"
    image_pipeline = "WanImageToVideoPipeline"
    denoisers = ("transformer", "transformer_2")
    continuations = ("image", "window")
    has_guidance_interval = True
    # With `expand_timesteps` every token has a timestep.
    window_cuts = WindowCuts("hidden_states", 2, {"timestep": Along(1)})

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, or refuses a beginning that the checkpoint was not made for."""
        denoiser = self.checkpoint.config(self.denoise_components(from_image=False)[0])
        needs_image = denoiser.get("in_channels") != denoiser.get("out_channels")
        takes_image = needs_image or bool(self.checkpoint.index.get("expand_timesteps"))
        name, begins = self.checkpoint.name, request.frames_NHWC is not None
        if begins and not takes_image:
            raise ModelError(f"{name} makes videos from text alone -> leave the image out")
        if needs_image and not begins:
            raise ModelError(f"{name} makes videos from an image and the clip has none -> give an image")
        return super().call_arguments(pipeline, request)
