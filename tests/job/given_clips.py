"""A clip that is given images, for tests of what becomes of them."""

from __future__ import annotations

from typing import Any

from vgpipe.job.clip import Clip, Continuation, PlacedImage

CHAIN = Continuation(
    method="frames", segment_num_frames=17, min_segment_num_frames=9, overlap_num_frames=5, frames_step=4,
    frames_offset=1, num_inference_steps=4, match_color=False,
)  # fmt: skip


def clip_of(num_frames: int = 17, **fields: Any) -> Clip:
    told: dict[str, Any] = {
        "prompt": "x", "negative_prompt": "", "seed": 0, "width": 64, "height": 32, "fps": 8.0,
        "num_inference_steps": 8, "guidance_scale": 5.0,
    }  # fmt: skip
    return Clip(id="x-1", model="m", num_frames=num_frames, **told | fields)


def at(frame: int) -> PlacedImage:
    return PlacedImage(frame=frame, image=f"/{frame}.png", image_sha256=f"{frame:064x}")
