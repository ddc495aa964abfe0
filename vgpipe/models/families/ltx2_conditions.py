"""What LTX-2 is given beside a text: frames, each at the latent frame that holds them.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.models.base import DenoiseRequest

if TYPE_CHECKING:
    import numpy as np


def conditions(request: DenoiseRequest, *, crf: int) -> list[Any]:
    """Returns the conditions of `LTX2ConditionPipeline`.

    Args:
        request: with the frames that the clip begins with.
        crf: how strongly a single frame is compressed first.
    """
    return [] if request.frames_NHWC is None else [_condition(request.frames_NHWC, 0, crf)]


def _condition(frames_NHWC: np.ndarray, latent_frame: int, crf: int) -> Any:
    from diffusers.pipelines.ltx2 import LTX2VideoCondition
    from PIL import Image

    return LTX2VideoCondition([Image.fromarray(frame_HWC) for frame_HWC in frames_NHWC], latent_frame, crf=crf)
