"""What LTX-2 is given beside a text: frames, each at the latent frame that holds them.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest

if TYPE_CHECKING:
    import numpy as np


def conditions(request: DenoiseRequest, temporal_stride: int, *, crf: int) -> list[Any]:
    """Returns the conditions of `LTX2ConditionPipeline`.

    Args:
        request: with the frames that the clip is given.
        temporal_stride: frames of video to a latent frame; the first latent frame is one frame.
        crf: how strongly a single frame is compressed first.
    """
    return [
        _condition(frames, (first + temporal_stride - 1) // temporal_stride, crf) for first, frames in _given(request)
    ]


def _given(request: DenoiseRequest) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the index of the first of some frames, and these."""
    if request.frames_NHWC is not None:
        yield 0, request.frames_NHWC
    for placed in request.placed:
        yield placed.first_frame, placed.frames_NHWC
    if request.last_frame_HWC is not None:
        yield request.num_frames - 1, request.last_frame_HWC[None]


def _condition(frames_NHWC: np.ndarray, latent_frame: int, crf: int) -> Any:
    from diffusers.pipelines.ltx2 import LTX2VideoCondition
    from PIL import Image

    return LTX2VideoCondition([Image.fromarray(frame_HWC) for frame_HWC in frames_NHWC], latent_frame, crf=crf)
