"""Wan 2.1 and 2.2: text to video, and image to video where the checkpoint takes one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import Along, WindowCuts

IMAGE_ENCODING = ("image_encoder", "image_processor")
TEXT_TOKENS = 512
"""Its attention takes the last tokens of image and text together, so many, for the text."""


class WanFamily(StockFamily):
    """Drives `diffusers.WanPipeline`, and `WanImageToVideoPipeline` for clips that begin with an image.

    Image checkpoints of Wan 2.1 also show the image to a CLIP encoder; those of Wan 2.2 have none.
    """

    name = "wan"
    pipeline = "WanPipeline"
    image_pipeline = "WanImageToVideoPipeline"
    restyle_pipeline = "WanVideoToVideoPipeline"
    takes_last_image = True
    denoisers = ("transformer", "transformer_2")
    continuations = ("image", "window")
    has_guidance_interval = True
    # With `expand_timesteps` every token has a timestep.
    window_cuts = WindowCuts("hidden_states", 2, {"timestep": Along(1)})

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and how long its texts are.

        Raises:
            ModelError: naming what is missing or not understood.
        """
        super().check()
        length = self.settings.max_sequence_length
        if self._sees_images and length != TEXT_TOKENS:
            reason = f"{self.checkpoint.name} tells image from text by {TEXT_TOKENS} tokens of text"
            raise ModelError(f"model.max_sequence_length: {length}, and {reason} -> {TEXT_TOKENS}")

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs: every expert, and from an image what encodes it."""
        needed = super().denoise_components(from_image=from_image)
        return (*needed, *IMAGE_ENCODING) if from_image and self._sees_images else needed

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    @property
    def needs_last_image(self) -> bool:
        """Whether its denoiser is made for two images, of which it learned the places."""
        return self._sees_images and self._denoiser.get("pos_embed_seq_len") is not None

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, or refuses images that the checkpoint was not made for."""
        refusal = self._refusal(request)
        if refusal is not None:
            raise ModelError(f"{self.checkpoint.name} {refusal}")
        arguments = super().call_arguments(pipeline, request)
        if request.last_frame_HWC is not None:
            from PIL import Image

            arguments["last_image"] = Image.fromarray(request.last_frame_HWC)
        return arguments

    def _refusal(self, request: DenoiseRequest) -> str | None:
        begins, ends = request.frames_NHWC is not None, request.last_frame_HWC is not None
        # To restyle, the stock pipeline has one denoiser, and one noise level for all tokens.
        is_other = self.present(("transformer_2",)) or self.checkpoint.index.get("expand_timesteps")
        if request.source_NHWC is not None and is_other:
            return "restyles no video -> leave strength out, or model=wan21_t2v_1_3b"
        denoiser = self._denoiser
        needs_image = denoiser.get("in_channels") != denoiser.get("out_channels")
        if begins and not needs_image and not self.checkpoint.index.get("expand_timesteps"):
            return "makes videos from text alone -> leave the image out"
        if needs_image and not begins:
            return "makes videos from an image and the clip has none -> give an image"
        if ends and (not needs_image or (self._sees_images and not self.needs_last_image)):
            return "takes a first image alone -> leave the last image out, or model=wan22_i2v_a14b"
        if self.needs_last_image and not ends:
            return "makes videos between two images and the clip has no last one -> give a last image"
        return None

    @property
    def _denoiser(self) -> dict[str, Any]:
        with suppress(ModelError):  # what is missing is named where it is checked
            return self.checkpoint.config((*self.present(self.denoisers), *self.denoisers)[0])
        return {}

    @property
    def _sees_images(self) -> bool:
        """Whether its denoiser takes what an image encoder makes of an image."""
        return self._denoiser.get("image_dim") is not None
