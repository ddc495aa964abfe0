"""Wan VACE: text to video, and video that continues from one or more given frames.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import Along, WindowCuts

if TYPE_CHECKING:
    import numpy as np

GREY, KEEP, MAKE = 128, 0, 255
MIN_DIFFUSERS = "0.36"


class WanVaceFamily(StockFamily):
    """Drives `diffusers.WanVACEPipeline`; given frames are its `video`, followed by grey ones for it to fill."""

    name = "wan_vace"
    pipeline = "WanVACEPipeline"
    # VACE's own call would encode a whole grey video before it decodes; the last lines of the two are the same.
    decode_pipeline = "WanPipeline"
    image_pipeline = "WanVACEPipeline"
    denoisers = ("transformer", "transformer_2")
    continuations = ("frames", "image", "window")
    has_guidance_interval = True
    window_cuts = WindowCuts("hidden_states", 2, {"control_hidden_states": Along(2)})

    def check(self) -> None:
        """Checks that the checkpoint is one that this family drives, and that the installed diffusers can.

        Raises:
            ModelError: naming what is missing or too old.
        """
        super().check()
        have = version("diffusers")
        if Version(have) < Version(f"{MIN_DIFFUSERS}.dev0"):
            raise ModelError(
                f"{self.pipeline} takes an encoded prompt from diffusers {MIN_DIFFUSERS} on, and {have} is installed "
                f"-> pip install -U 'diffusers>={MIN_DIFFUSERS}'"
            )

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; VACE encodes its conditions even where there is only a text."""
        return super().denoise_components(from_image=True)

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, with video and mask where frames are given."""
        arguments = super().call_arguments(pipeline, request)
        if request.frames_NHWC is not None:
            size = (request.width, request.height)
            arguments |= conditions(request.frames_NHWC, size, request.num_frames)
        return arguments


def conditions(frames_NHWC: np.ndarray, size: tuple[int, int], num_frames: int) -> dict[str, list[Any]]:
    """Turns the first frames of a clip into VACE's conditions.

    Args:
        frames_NHWC: given frames, uint8 RGB, of any size.
        size: width and height of the clip, pixels.
        num_frames: frames of the clip, more than are given.

    Returns:
        `video`: the given frames at `size`, then grey ones; `mask`: black where frames stay, white where they are made.

    Raises:
        ModelError: where the given frames leave none to make.
    """
    from PIL import Image

    given = len(frames_NHWC)
    if given >= num_frames:
        raise ModelError(f"num_frames: {given} given frames leave none of {num_frames} to make -> give fewer")
    video = [Image.fromarray(frame_HWC).resize(size) for frame_HWC in frames_NHWC]
    grey = Image.new("RGB", size, (GREY, GREY, GREY))
    keep, make = Image.new("L", size, KEEP), Image.new("L", size, MAKE)
    left = num_frames - given
    return {"video": [*video, *[grey] * left], "mask": [*[keep] * given, *[make] * left]}
