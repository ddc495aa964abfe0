"""LTX-Video from 0.9.5 on: text to video, video with given frames anywhere in it, and restyled video.

Shape suffixes: B batch, S tokens, C channels, T time, H height, W width.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest
from vgpipe.models.families.ltx import LtxFamily

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL.Image import Image

FULLY_GIVEN = 1 - 1e-6


class LtxConditionFamily(LtxFamily):
    """Drives `diffusers.LTXConditionPipeline`."""

    name = "ltx_condition"
    pipeline = "LTXConditionPipeline"
    image_pipeline = "LTXConditionPipeline"
    restyle_pipeline = "LTXConditionPipeline"
    takes_last_image = True
    takes_images = True
    # Its own call cannot be given latents without noise; the last lines of the two are the same.
    decode_pipeline = "LTXPipeline"
    continuations = ("frames", "image", "window")

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, and continues from given latents."""
        arguments = super().call_arguments(pipeline, replace(request, source_NHWC=None))
        if request.latents is not None:
            continue_from(pipeline, arguments.pop("latents"))
        if request.source_NHWC is not None:
            begin_with(pipeline, request.source_NHWC, is_resumed=request.latents is not None)
        frames_NHWC = request.frames_NHWC
        if request.last_frame_HWC is not None or request.placed:
            strength = self.settings.pipeline_kwargs.get("strength", 1.0)
            arguments |= {"image": None, "conditions": _conditions(request, strength)}
        elif frames_NHWC is not None and len(frames_NHWC) > 1:
            arguments |= {"image": None, "video": [_pictures(frames_NHWC)]}
        return arguments

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents packed, (B, S, C); every LTX transformer has patches of one."""
        return latents.flatten(2).transpose(1, 2)

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Packs the latents as `LTXPipeline` wants them."""
        changed = {**super().decode_arguments(arguments), "latents": self.looped(arguments["latents"])}
        return {name: value for name, value in changed.items() if name != "timesteps"}


def _conditions(request: DenoiseRequest, strength: float) -> list[Any]:
    """Returns the given frames as the stock call takes those of several places."""
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    given = {0: request.frames_NHWC} if request.frames_NHWC is not None else {}
    given |= {one.first_frame: one.frames_NHWC for one in request.placed}
    if request.last_frame_HWC is not None:
        given[request.num_frames - 1] = request.last_frame_HWC[None]
    made = []
    for first_frame, frames_NHWC in given.items():
        pictures = _pictures(frames_NHWC)
        what = {"image": pictures[0]} if len(pictures) == 1 else {"video": pictures}
        made.append(LTXVideoCondition(**what, frame_index=first_frame, strength=strength))
    return made


def _pictures(frames_NHWC: np.ndarray) -> list[Image]:
    from PIL.Image import fromarray

    return [fromarray(frame_HWC) for frame_HWC in frames_NHWC]


def begin_with(pipeline: Any, source_NHWC: np.ndarray, *, is_resumed: bool) -> None:
    """Has the pipeline lay the noise of its first step over a video, as `denoise_strength` does over given latents.

    Args:
        pipeline: whose `prepare_latents` is replaced, and whose scheduler is a `ResumableScheduler`.
        source_NHWC: the video, uint8.
        is_resumed: whether the loop continues from latents, and needs the video no more.
    """
    from diffusers.pipelines.ltx.pipeline_ltx_condition import retrieve_latents

    pipeline.scheduler.hide_skipped()  # the pipeline counts the steps that it skips from those that are left
    if is_resumed:
        return
    prepare = pipeline.prepare_latents

    def prepared(*args: Any, **kwargs: Any) -> Any:
        vae, device = pipeline.vae, kwargs["device"]
        video = [_pictures(source_NHWC)]
        pixels = pipeline.video_processor.preprocess_video(video, kwargs["height"], kwargs["width"])
        encoded = retrieve_latents(vae.encode(pixels.to(device, dtype=vae.dtype)), sample_mode="argmax")
        latents = pipeline._normalize_latents(encoded, vae.latents_mean, vae.latents_std)
        return prepare(*args, **{**kwargs, "latents": latents, "sigma": pipeline.scheduler.sigmas[:1]})

    pipeline.prepare_latents = prepared


def continue_from(pipeline: Any, latents_BSC: torch.Tensor) -> None:
    """Has the pipeline's loop begin with these latents; as its argument they would be noised again, or overlooked.

    Args:
        pipeline: whose `prepare_latents` is replaced, and whose scheduler is a `ResumableScheduler`.
        latents_BSC: packed, as the loop left them.
    """
    import torch

    prepare = pipeline.prepare_latents

    def prepared(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        fresh_BSC, mask_BS, *rest = prepare(*args, **kwargs)
        begun_BSC = latents_BSC.to(fresh_BSC.device)
        if further := fresh_BSC.shape[1] - begun_BSC.shape[1]:  # of frames at other places, which `denoise` cuts off
            begun_BSC = torch.cat([fresh_BSC[:, :further], begun_BSC], dim=1)
        if mask_BS is not None and len(pipeline.scheduler.timesteps):
            # The loop renews the given frames' noise at every step, from what they were before the first.
            begun_BSC = torch.where((mask_BS > FULLY_GIVEN)[..., None], fresh_BSC, begun_BSC)
        # That noise is drawn before the step, so the generator must stand right by now.
        pipeline.scheduler.begin()
        return begun_BSC, mask_BS, *rest

    pipeline.prepare_latents = prepared
