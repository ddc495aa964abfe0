"""Wan 2.1 / 2.2 text-to-video, through diffusers' stock `WanPipeline`.

Shape suffixes: L text tokens, D text width, C channels, T time, H height, W width; a leading 1 is the batch.
"""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import Components, DenoiseRequest, Embeds

if TYPE_CHECKING:
    import numpy as np
    import torch

    from vgpipe.models.checkpoint import Checkpoint

COMPONENTS = ("tokenizer", "text_encoder", "transformer", "transformer_2", "vae", "scheduler")


class WanFamily:
    """Drives `diffusers.WanPipeline` with only the components that a stage needs."""

    name = "wan"
    encode_parts = ("tokenizer", "text_encoder")
    denoise_parts = ("transformer",)
    denoise_config_parts = ("vae",)
    decode_parts = ("vae",)

    def encode(self, parts: Components, text: str, *, max_sequence_length: int) -> Embeds:
        """Encodes one text; returns {"prompt_embeds": (1, L, D)} in the text encoder's dtype."""
        import torch

        pipeline = _pipeline({}, **parts)
        with torch.no_grad():
            embeds_1LD, _ = pipeline.encode_prompt(
                text, do_classifier_free_guidance=False, max_sequence_length=max_sequence_length
            )
        return {"prompt_embeds": embeds_1LD.cpu()}

    def denoise(
        self, checkpoint: Checkpoint, parts: Components, scheduler: Any, request: DenoiseRequest
    ) -> torch.Tensor:
        """Runs the stock loop to latents (1, C, T, H, W), CPU float32."""
        pipeline = _pipeline(checkpoint.index, scheduler=scheduler, **parts)
        _take_scale_factors(pipeline, checkpoint)
        negative = request.negative_embeds
        latents_1CTHW = pipeline(
            prompt_embeds=_on(pipeline, request.embeds),
            negative_prompt_embeds=_on(pipeline, negative) if negative else None,
            height=request.height,
            width=request.width,
            num_frames=request.num_frames,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            generator=request.generator,
            latents=request.latents,
            output_type="latent",
            callback_on_step_end=_callback(request),
        ).frames
        return latents_1CTHW.cpu()

    def decode(self, checkpoint: Checkpoint, parts: Components, latents_1CTHW: torch.Tensor) -> np.ndarray:
        """Decodes latents by the stock pipeline's own last lines: a call in which no step remains.

        Returns:
            Frames (T, H, W, 3) uint8, rounded as diffusers' `numpy_to_pil` does.
        """
        import torch

        from vgpipe.models.resumable import ALL_STEPS, ResumableScheduler

        scheduler = checkpoint.load("scheduler", dtype="float32", device="cpu")
        pipeline = _pipeline(checkpoint.index, scheduler=scheduler, **parts)
        pipeline.scheduler = ResumableScheduler(scheduler, done_steps=ALL_STEPS)
        pipeline.transformer = _transformer_shell(checkpoint, parts["vae"].dtype)
        frames_1THWC = pipeline(
            prompt_embeds=torch.zeros(1, 1, 1),
            latents=latents_1CTHW,
            num_inference_steps=1,
            guidance_scale=1.0,
            output_type="np",
        ).frames
        return (frames_1THWC[0] * 255).round().astype("uint8")


def _transformer_shell(checkpoint: Checkpoint, dtype: torch.dtype) -> SimpleNamespace:
    """Returns what the stock call reads of the transformer when it runs no step: its config and dtype."""
    from diffusers import WanTransformer3DModel

    config = _with_defaults(WanTransformer3DModel, checkpoint.config("transformer"))
    return SimpleNamespace(config=SimpleNamespace(**config), dtype=dtype)


def _pipeline(index: Any, **parts: Any) -> Any:
    from diffusers import WanPipeline

    pipeline = WanPipeline(
        **{name: parts.get(name) for name in COMPONENTS},
        boundary_ratio=index.get("boundary_ratio"),
        expand_timesteps=index.get("expand_timesteps", False),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _take_scale_factors(pipeline: Any, checkpoint: Checkpoint) -> None:
    # Without its VAE the pipeline assumes 4 and 8 (diffusers 0.42), which is wrong for e.g. Wan2.2-TI2V (4 and 16).
    from diffusers import AutoencoderKLWan

    config = _with_defaults(AutoencoderKLWan, checkpoint.config("vae"))
    pipeline.vae_scale_factor_temporal = config["scale_factor_temporal"]
    pipeline.vae_scale_factor_spatial = config["scale_factor_spatial"]


def _with_defaults(model_class: type, config: dict[str, Any]) -> dict[str, Any]:
    # A checkpoint's config may predate some of its class's parameters.
    parameters = inspect.signature(model_class).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters} | config


def _on(pipeline: Any, embeds: Embeds) -> torch.Tensor:
    return embeds["prompt_embeds"].to(pipeline.transformer.device)


def _callback(request: DenoiseRequest) -> Any:
    def on_step_end(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        request.on_step_end(step + 1, tensors["latents"])
        return {}

    return on_step_end
