"""CogVideoX 1.0 and 1.5: text to video, image to video with a checkpoint for that, and restyled video (1.0)."""

from __future__ import annotations

from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.windows.window_cuts import FirstAlong, WindowCuts


class CogVideoXFamily(StockFamily):
    """Drives `diffusers.CogVideoXPipeline`, with an image `CogVideoXImageToVideoPipeline`, with a video to restyle
    `CogVideoXVideoToVideoPipeline`.
    """

    name = "cogvideox"
    pipeline = "CogVideoXPipeline"
    image_pipeline = "CogVideoXImageToVideoPipeline"
    restyle_pipeline = "CogVideoXVideoToVideoPipeline"
    continuations = ("image", "window")
    window_cuts = WindowCuts("hidden_states", 1, {"image_rotary_emb": FirstAlong(0)})
    frames_axis = 1

    @property
    def temporal_patch(self) -> int:
        """Latent frames that the denoiser takes together: 2 from 1.5 on."""
        return int(self.checkpoint.config("transformer").get("patch_size_t") or 1)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, once it is sure that the checkpoint is made for them."""
        config = pipeline.transformer.config
        self._refuse_other_task(config, request)
        self._refuse_padding(request)
        self._refuse_other_size(config, request, pipeline.vae_scale_factor_spatial)
        return super().call_arguments(pipeline, request)

    def _refuse_other_task(self, config: Any, request: DenoiseRequest) -> None:
        # Image checkpoints take the image's latents as further channels; without them noise would be denoised as one.
        takes_image = config.in_channels != config.out_channels
        if takes_image and request.frames_NHWC is None:
            raise ModelError(f"{self.checkpoint.name} makes video from an image and the clip has none -> give an image")
        if request.frames_NHWC is not None and not takes_image:
            raise ModelError(
                f"{self.checkpoint.name} makes video from text alone -> leave the image out, or model=cogvideox_5b_i2v"
            )

    def _refuse_padding(self, request: DenoiseRequest) -> None:
        # The stock pipeline refuses a video whose latent frames would have to be padded.
        if request.source_NHWC is not None and self.padding(request.num_frames):
            raise ModelError(
                f"{self.checkpoint.name} restyles no video of {request.num_frames} frames -> leave strength out, or "
                "model=cogvideox_5b"
            )

    def _refuse_other_size(self, config: Any, request: DenoiseRequest, pixels: int) -> None:
        # Learned positions exist for the trained size alone.
        if not config.use_learned_positional_embeddings:
            return
        width, height = config.sample_width * pixels, config.sample_height * pixels
        if (request.width, request.height) != (width, height):
            raise ModelError(
                f"the clip is {request.width}x{request.height}; {self.checkpoint.name} makes {width}x{height} alone "
                f"-> width: {width}, height: {height}"
            )
