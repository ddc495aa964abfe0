"""AnyFlow: text to video in any number of steps, each of which goes from one noise level to the next at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import Along, WindowCuts

if TYPE_CHECKING:
    import torch

CHANNELS_OF_LOOP, FRAMES_OF_LOOP = 2, 1


class AnyFlowFamily(StockFamily):
    """Drives `diffusers.AnyFlowPipeline`.

    Its loop has latents (1, T, C, H, W); what it takes and gives is (1, C, T, H, W).
    """

    name = "anyflow"
    pipeline = "AnyFlowPipeline"
    continuations = ("window",)
    window_cuts = WindowCuts("hidden_states", FRAMES_OF_LOOP, {"timestep": Along(1), "r_timestep": Along(1)})

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, with the latents of a loop as the call takes them."""
        arguments = super().call_arguments(pipeline, request)
        if request.latents is not None:
            arguments["latents"] = request.latents.transpose(FRAMES_OF_LOOP, CHANNELS_OF_LOOP)
        return arguments

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents that `denoise` gave, laid out as the loop continues from them."""
        return latents.transpose(FRAMES_OF_LOOP, CHANNELS_OF_LOOP)
