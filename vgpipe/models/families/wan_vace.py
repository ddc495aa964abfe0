"""Wan VACE: text to video, and video of which frames are given, at its beginning or anywhere else.

Shape suffixes: N frames, H height, W width, C channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vgpipe.errors import ModelError
from vgpipe.models.base import DenoiseRequest
from vgpipe.models.pipeline.stock_calls import require_diffusers
from vgpipe.models.pipeline.stock_family import StockFamily
from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.windows.window_cuts import Along, WindowCuts

if TYPE_CHECKING:
    import numpy as np

GREY, KEEP, MAKE = 128, 0, 255
MIN_DIFFUSERS = "0.36"


class WanVaceFamily(StockFamily):
    """Drives `diffusers.WanVACEPipeline`; given frames are its `video`, with grey ones for it to fill."""

    name = "wan_vace"
    pipeline = "WanVACEPipeline"
    # VACE's own call would encode a whole grey video before it decodes; the last lines of the two are the same.
    decode_pipeline = "WanPipeline"
    image_pipeline = "WanVACEPipeline"
    takes_last_image = True
    takes_images = True
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
        require_diffusers(MIN_DIFFUSERS, f"{self.pipeline} takes an encoded prompt")

    def denoise_components(self, *, from_image: bool) -> tuple[str, ...]:
        """What denoising a clip needs; VACE encodes its conditions even where there is only a text."""
        return super().denoise_components(from_image=True)

    def text_readers(self) -> tuple[TextReader, ...]:
        """Returns how its tokenizer is given a text: cleaned."""
        return (TextReader(tokenizer="tokenizer", limit=self.settings.max_sequence_length, form=Form.CLEANED),)

    def call_arguments(self, pipeline: Any, request: DenoiseRequest) -> dict[str, Any]:
        """Returns the arguments of the stock call, with video and mask where frames are given."""
        arguments = super().call_arguments(pipeline, request)
        if request.is_given_frames:
            arguments |= conditions(request)
        return arguments


def conditions(request: DenoiseRequest) -> dict[str, list[Any]]:
    """Turns given frames of a clip into VACE's conditions.

    Args:
        request: with frames that the clip begins with, ends with, or has in between, of any size.

    Returns:
        `video`: the given frames at the clip's size, and grey ones between them; `mask`: black where frames stay, white
        where they are made.

    Raises:
        ModelError: where the given frames leave none to make.
    """
    from PIL import Image

    given = _given(request)
    if len(given) >= request.num_frames:
        raise ModelError(
            f"num_frames: {len(given)} given frames leave none of {request.num_frames} to make -> give fewer"
        )
    size = (request.width, request.height)
    grey = Image.new("RGB", size, (GREY, GREY, GREY))
    keep, make = Image.new("L", size, KEEP), Image.new("L", size, MAKE)
    frames = {place: Image.fromarray(frame_HWC).resize(size) for place, frame_HWC in given.items()}
    places = range(request.num_frames)
    return {
        "video": [frames.get(place, grey) for place in places],
        "mask": [keep if place in frames else make for place in places],
    }


def _given(request: DenoiseRequest) -> dict[int, np.ndarray]:
    """Returns every given frame by its place in the clip."""
    given = dict(enumerate(request.frames_NHWC)) if request.frames_NHWC is not None else {}
    for one in request.placed:
        given |= {one.first_frame + place: frame_HWC for place, frame_HWC in enumerate(one.frames_NHWC)}
    if request.last_frame_HWC is not None:
        given[request.num_frames - 1] = request.last_frame_HWC
    return given
