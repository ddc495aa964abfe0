"""LTX-Video from 0.9.5 on: text to video, and video that begins with an image or with several frames.

Shape suffixes: B batch, S tokens, C channels, T time, H height, W width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest
from vgpipe.models.families.ltx import LtxFamily

if TYPE_CHECKING:
    import torch

FULLY_GIVEN = 1 - 1e-6


class LtxConditionFamily(LtxFamily):
    """Drives `diffusers.LTXConditionPipeline`."""

    name = "ltx_condition"
    pipeline = "LTXConditionPipeline"
    image_pipeline = "LTXConditionPipeline"
    # Its own call cannot be given latents without noise; the last lines of the two are the same.
    decode_pipeline = "LTXPipeline"
    continuations = ("frames", "image", "window")

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, and continues from given latents."""
        arguments = super().call_arguments(pipeline, request)
        if request.latents is not None:
            continue_from(pipeline, arguments.pop("latents"))
        if request.frames_NHWC is not None and len(request.frames_NHWC) > 1:
            from PIL import Image

            del arguments["image"]
            arguments["video"] = [[Image.fromarray(frame_HWC) for frame_HWC in request.frames_NHWC]]
        return arguments

    def looped(self, latents: torch.Tensor) -> torch.Tensor:
        """Returns latents packed, (B, S, C); every LTX transformer has patches of one."""
        return latents.flatten(2).transpose(1, 2)

    def decode_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Packs the latents as `LTXPipeline` wants them."""
        changed = {**super().decode_arguments(arguments), "latents": self.looped(arguments["latents"])}
        return {name: value for name, value in changed.items() if name != "timesteps"}


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
        if mask_BS is not None and len(pipeline.scheduler.timesteps):
            # The loop renews the given frames' noise at every step, from what they were before the first.
            begun_BSC = torch.where((mask_BS > FULLY_GIVEN)[..., None], fresh_BSC, begun_BSC)
        # That noise is drawn before the step, so the generator must stand right by now.
        pipeline.scheduler.begin()
        return begun_BSC, mask_BS, *rest

    pipeline.prepare_latents = prepared
