"""A tiny checkpoint of every family that denoises in windows, with a clip of about two windows and a half."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tests.models.driven import Case, Driven
from vgpipe.models.base import Settings

GIVEN_NHWC = np.random.default_rng(5).integers(0, 256, (9, 40, 70, 3), dtype="uint8")
VIDEO = Case(
    "blue square moving left", "red", 7, 3.0, width=32, height=32, num_frames=33, num_inference_steps=3,
    window=(13, 4),
)  # fmt: skip
LTX = replace(VIDEO, width=64, num_frames=57, window=(17, 8))
IMAGES = replace(VIDEO, width=16, height=16, num_frames=9, window=(4, 2))
THREE, FOUR = (0, 3, 5), (0, 2, 4, 5)


@dataclass(frozen=True)
class Setup:
    """A tiny checkpoint, a clip of about two windows and a half, and what the denoiser may see of it at most.

    `latent_frames` are the clip's, and its windows begin at `starts` of them; `seen` is the size of a window's sample
    along its axis; `stride` is the VAE's in time.
    """

    option: str
    family: str
    case: Case
    latent_frames: int
    starts: tuple[int, ...]
    axis: int
    seen: int
    stride: int = 4
    settings: Settings = field(default_factory=lambda: Settings(max_sequence_length=16))


SETUPS = {
    "wan": Setup("wan21_t2v_1_3b", "wan", VIDEO, 9, THREE, 2, 4),
    "wan-ti2v": Setup("wan22_ti2v_5b", "wan", VIDEO, 9, THREE, 2, 4),
    "wan-ti2v-image": Setup("wan22_ti2v_5b", "wan", replace(VIDEO, frames_NHWC=GIVEN_NHWC[:1]), 9, THREE, 2, 4),
    "wan-experts": Setup("wan22_t2v_a14b", "wan", VIDEO, 9, THREE, 2, 4),
    "vace": Setup("wan21_vace_1_3b", "wan_vace", VIDEO, 9, THREE, 2, 4),
    "vace-frames": Setup("wan21_vace_1_3b", "wan_vace", replace(VIDEO, frames_NHWC=GIVEN_NHWC[:5]), 9, THREE, 2, 4),
    "cogvideox-2b": Setup(
        "cogvideox_2b", "cogvideox", VIDEO, 9, THREE, 1, 4, settings=Settings(max_sequence_length=226)
    ),
    "cogvideox-5b": Setup("cogvideox_5b", "cogvideox", VIDEO, 9, THREE, 1, 4),
    "cogvideox-1.5": Setup("cogvideox15_5b", "cogvideox", VIDEO, 10, (0, 2, 4, 6), 1, 4),
    "ltx": Setup("ltx_video_2b", "ltx", LTX, 8, FOUR, 1, 3 * 2, 8),
    "ltx-image": Setup("ltx_video_2b", "ltx", replace(LTX, frames_NHWC=GIVEN_NHWC[:1]), 8, FOUR, 1, 3 * 2, 8),
    "ltx-condition": Setup("ltx_video_distilled", "ltx_condition", LTX, 8, FOUR, 1, 3 * 2, 8),
    "ltx-condition-frames": Setup(
        "ltx_video_distilled", "ltx_condition", replace(LTX, frames_NHWC=GIVEN_NHWC), 8, FOUR, 1, 3 * 2, 8
    ),
    "hunyuan": Setup(
        "hunyuan_video", "hunyuan_video", VIDEO, 9, THREE, 2, 4, settings=Settings(max_sequence_length=48)
    ),
    "hunyuan-guided": Setup(
        "hunyuan_video", "hunyuan_video", VIDEO, 9, THREE, 2, 4,
        settings=Settings(max_sequence_length=48, pipeline_kwargs={"true_cfg_scale": 3.0}),
    ),
    "hunyuan-1.5": Setup(
        "hunyuan_video_15", "hunyuan_video_15", VIDEO, 9, THREE, 2, 4, settings=Settings(max_sequence_length=96)
    ),
    "kandinsky5": Setup(
        "kandinsky5_t2v_lite", "kandinsky5", VIDEO, 9, THREE, 1, 4, settings=Settings(max_sequence_length=48)
    ),
    "anyflow": Setup("anyflow_wan", "anyflow", VIDEO, 9, THREE, 1, 4),
    "sana": Setup(
        "sana_video", "sana_video", VIDEO, 9, THREE, 2, 4,
        settings=Settings(max_sequence_length=24, pipeline_kwargs={"use_resolution_binning": False}),
    ),
    "ms": Setup("text_to_video_ms", "text_to_video_sd", IMAGES, 9, FOUR, 2, 4, 1),
    "animatediff": Setup("animatediff_sd15", "animatediff", IMAGES, 9, FOUR, 2, 4, 1),
}  # fmt: skip


def denoisers(driven: Driven, case: Case) -> list[Any]:
    loaded = driven.of(driven.family.denoise_components(from_image=case.frames_NHWC is not None))
    return [loaded[name] for name in driven.family.denoisers if name in loaded]


@contextmanager
def spied(modules: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """Collects what each call of a module's own `forward` is given, by name, with its output's first tensor."""
    calls: list[dict[str, Any]] = []

    def watched(module: Any):
        original, names = module.forward, list(inspect.signature(type(module).forward).parameters)[1:]

        def forward(*args: Any, **kwargs: Any) -> Any:
            output = original(*args, **kwargs)
            calls.append({**dict(zip(names, args, strict=False)), **kwargs, "output": output[0]})
            return output

        return forward

    for module in modules:
        module.forward = watched(module)
    try:
        yield calls
    finally:
        for module in modules:
            del module.forward
