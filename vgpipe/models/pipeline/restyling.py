"""Gives a stock video-to-video pipeline the video that it restyles, also where it resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest

if TYPE_CHECKING:
    import numpy as np


def restyling(pipeline: Any, request: DenoiseRequest, source_NHWC: np.ndarray) -> dict[str, Any]:
    """Returns the arguments of the stock call that are about the video; a resumed loop begins with given latents.

    As an argument such latents would do without the video, from which pipelines count frames.

    Args:
        pipeline: whose `prepare_latents` is replaced where there are latents.
        request: the request.
        source_NHWC: the video, uint8.
    """
    from PIL import Image

    latents = request.latents
    if latents is not None:
        pipeline.prepare_latents = lambda *_args, **_kwargs: latents.to(pipeline._execution_device)
    video = [Image.fromarray(frame_HWC) for frame_HWC in source_NHWC]
    return {"video": video, "strength": request.strength, "latents": None}
