"""Holds every image-to-video option against the stock pipeline, over schedulers, sizes, precisions, seeds and steps.

    python -m benchmarks.image_models [OPTION ...]   # on tiny random checkpoints, four minutes of one core

For each option: latents and frames of clips as the stock call makes them, compared bit by bit, and each clip resumed
from every step. Clips differ in scheduler, size, frames, guidance, negative prompt, seed, precision, and, where the
model takes one, in the last image.

Found with diffusers 0.42.1: 174 clips of the six options and 870 resumed passes, none of which differed in a bit.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.configs import model_of
from tests.models.driven import Case, Driven, drive
from tests.models.wan_pairs import settings_of
from tests.tiny import build
from vgpipe.models.base import Settings

WAN = ("wan22_i2v_a14b", "wan21_i2v_14b_480p", "wan21_i2v_14b_720p", "wan21_flf2v_14b")
HUNYUAN = ("hunyuan_video_15_i2v", "hunyuan_video_15_480p_distilled")
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 5.0}
SCHEDULERS = {
    WAN: (
        ("UniPCMultistepScheduler", FLOW),
        ("DPMSolverMultistepScheduler", {**FLOW, "algorithm_type": "dpmsolver++"}),
        ("DEISMultistepScheduler", FLOW),
        ("FlowMatchEulerDiscreteScheduler", {"shift": 5.0}),
    ),
    HUNYUAN: (("FlowMatchEulerDiscreteScheduler", {"shift": 5.0}),),
}
SIZES = {WAN: ((64, 32, 9), (32, 48, 5), (80, 64, 13)), HUNYUAN: ((64, 32, 9), (32, 64, 5), (48, 48, 13))}
"""Of HunyuanVideo-1.5 those that the stock pipeline chooses by itself."""
TEXT_TOKENS = 96  # of the tiny HunyuanVideo-1.5


@dataclass
class Count:
    """What was compared, and what differed."""

    clips: int = 0
    resumed: int = 0
    different: int = 0


def cases(option: str, group: tuple[str, ...]) -> Iterator[Case]:
    """Yields clips of every size, guided and not, with the images that the option takes."""
    rules, guidance = model_of(option).rules, model_of(option).reference.guidance_scale
    for number, (width, height, frames) in enumerate(SIZES[group]):
        pictures = np.random.default_rng(number).integers(0, 256, (2, height, width, 3), dtype="uint8")
        one = Case(
            "blue square moving left", "red", 3 + number, max(guidance, 3.0), width=width, height=height,
            num_frames=frames, num_inference_steps=5, frames_NHWC=pictures[:1],
        )  # fmt: skip
        lasts = {"never": [None], "optional": [None, pictures[1]], "required": [pictures[1]]}[rules.last_image]
        for last in lasts:
            yield replace(one, last_frame_HWC=last)
            yield replace(one, last_frame_HWC=last, guidance_scale=1.0, negative_prompt="", seed=11)


def stock_of(folder: Path, group: tuple[str, ...], settings: Settings) -> Any:
    """Opens the stock pipeline of a folder with the same precisions and scheduler."""
    import diffusers

    name = "WanImageToVideoPipeline" if group is WAN else "HunyuanVideo15ImageToVideoPipeline"
    present = {one for one in settings.component_dtypes if (folder / one).is_dir()}
    dtypes = {one: getattr(torch, settings.component_dtypes[one]) for one in present}
    pipeline = getattr(diffusers, name).from_pretrained(
        folder, torch_dtype={"default": getattr(torch, settings.dtype), **dtypes}
    )
    made = getattr(diffusers, str(settings.scheduler)).from_config(
        pipeline.scheduler.config, **settings.scheduler_config
    )
    pipeline.register_modules(scheduler=made)
    pipeline.set_progress_bar_config(disable=True)
    if group is HUNYUAN:
        pipeline.tokenizer_max_length = TEXT_TOKENS
    return pipeline


def stock(pipeline: Any, group: tuple[str, ...], case: Case, settings: Settings, output_type: str) -> Any:
    """Makes the stock call."""
    given: dict[str, Any] = {
        "image": Image.fromarray(case.frames_NHWC[0]), "prompt": case.prompt, "negative_prompt": case.negative_prompt,
        "num_frames": case.num_frames, "num_inference_steps": case.num_inference_steps,
        "generator": torch.Generator().manual_seed(case.seed), "output_type": output_type,
    }  # fmt: skip
    if case.last_frame_HWC is not None:
        given["last_image"] = Image.fromarray(case.last_frame_HWC)
    if group is WAN:
        sizes = {"width": case.width, "height": case.height, "guidance_scale": case.guidance_scale}
        given |= sizes | dict(settings.pipeline_kwargs)
    else:
        pipeline.guider = pipeline.guider.new(guidance_scale=case.guidance_scale)
    return pipeline(**given).frames


def differs(driven: Driven, case: Case, latents: torch.Tensor, frames: np.ndarray) -> bool:
    """Returns whether a family's latents or frames are others than the stock pipeline's."""
    own, decode = driven.latents(case)
    same = own.dtype == latents.dtype and torch.equal(own, latents)
    return not (same and np.array_equal(driven.frames(decode), (frames * 255).round().astype("uint8")))


def resumed(driven: Driven, case: Case) -> list[bool]:
    """Returns, for each step, whether the pass that is resumed there ends in other latents."""
    seen: list[Any] = []
    whole, _ = driven.latents(case, spy=seen)
    return [not torch.equal(driven.latents(case, done=saved[0], saved=saved)[0], whole) for saved in seen]


def sweep(option: str, folder: Path) -> Count:
    """Compares all clips of one option."""
    group = WAN if option in WAN else HUNYUAN
    count = Count()
    for dtype in ("float32", "bfloat16"):
        for scheduler, config in SCHEDULERS[group][: None if dtype == "float32" else 1]:
            family, settings = settings_of(option, dtype)
            settings = replace(settings, scheduler=scheduler, scheduler_config=config)
            if group is HUNYUAN:
                settings = replace(settings, max_sequence_length=TEXT_TOKENS)
            driven, pipeline = drive(family, folder, settings), stock_of(folder, group, settings)
            for case in cases(option, group):
                latents, frames = (stock(pipeline, group, case, settings, kind) for kind in ("latent", "np"))
                again = resumed(driven, case)
                count.clips, count.resumed = count.clips + 1, count.resumed + len(again)
                count.different += differs(driven, case, latents, frames[0]) + sum(again)
    return count


def main() -> None:
    """Prints one line for each option."""
    torch.set_num_threads(1)
    print(f"{'option':34} {'clips':>6} {'resumed':>8} {'different':>10}")
    for option in sys.argv[1:] or (*WAN, *HUNYUAN):
        with tempfile.TemporaryDirectory() as folder:
            found = sweep(option, build(option, Path(folder)))
        print(f"{option:34} {found.clips:6} {found.resumed:8} {found.different:10}", flush=True)


if __name__ == "__main__":
    main()
