"""Compares LTX-2 with the stock pipelines: latents, frames and samples, at odd sizes, and resumed after every step.

Tiny random checkpoints on the CPU, in one process. Each case is made by the stock call and by the family, then resumed
after every one of its steps; any difference ends it with an assertion.

usage: python benchmarks/ltx2_bits.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.models.driven import Case, assert_resumes
from tests.models.families import test_ltx2 as tested
from tests.tiny import build
from vgpipe.models.base import PlacedFrames

T2V, I2V, CONDITIONS = "LTX2Pipeline", "LTX2ImageToVideoPipeline", "LTX2ConditionPipeline"
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
SIZES = [(64, 64, 9, 24), (96, 64, 17, 12), (160, 96, 25, 30), (64, 128, 33, 23.976)]
SCHEDULERS = [
    (None, {}),
    (None, {"shift": 3.0, "use_dynamic_shifting": False}),
    (None, {"shift_terminal": 0.05}),
    ("UniPCMultistepScheduler", FLOW),
]
GUIDANCE = [
    tested.GUIDED,
    {**tested.GUIDED, "stg_scale": 0.0, "audio_stg_scale": 0.0},
    {**tested.GUIDED, "modality_scale": 1.0, "audio_modality_scale": 1.0, "use_cross_timestep": True},
    {**tested.UNGUIDED, "sigmas": None},
]


def given(kind: str, case: Case) -> tuple[Case, dict[str, Any]]:
    """Returns a case with frames, and what the stock pipeline is given for them."""
    from diffusers.pipelines.ltx2 import LTX2VideoCondition
    from PIL import Image

    frames = tested.pictures(10, case)
    images = [Image.fromarray(one) for one in frames]
    if kind == I2V:
        return replace(case, frames_NHWC=frames[:1]), {"image": images[0], "image_crf": 0}
    if kind == T2V:
        return case, {}
    conditions = [LTX2VideoCondition(images[:1], 0, crf=0), LTX2VideoCondition(images[9:], -1, crf=0)]
    if case.num_frames <= 17:
        return replace(case, frames_NHWC=frames[:1], last_frame_HWC=frames[9]), {"conditions": conditions}
    placed = PlacedFrames(first_frame=10, frames_NHWC=frames[9:])
    conditions = [LTX2VideoCondition(images[:9], 0), LTX2VideoCondition(images[9:], 2, crf=0)]
    return replace(case, frames_NHWC=frames[:9], placed=(placed,)), {"conditions": conditions}


def compare(folder: Path, kind: str, case: Case, followed: dict[str, Any], name: str | None, config: Any) -> None:
    """Compares one case with the stock call, and with itself resumed after each step."""
    import diffusers

    case, arguments = given(kind, case)
    one = tested.driven(folder, {**followed, "image_crf": 0}, scheduler=name, scheduler_config=config)
    original = getattr(diffusers, kind)
    made_by = one.family.scheduler

    class WithScheduler(original):  # the stock pipeline, with the scheduler of the case
        @classmethod
        def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
            return original.from_pretrained(*args, scheduler=made_by(), **kwargs)

    setattr(diffusers, kind, WithScheduler)
    try:
        tested.assert_equals_stock(one, case, tested.stock(folder, kind, case, followed, **arguments))
    finally:
        setattr(diffusers, kind, original)
    assert_resumes(one, case, list(range(1, case.num_inference_steps + 1)))


def main() -> None:
    torch.set_num_threads(1)
    cases = steps = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = build("ltx2", Path(folder) / "ltx2")
        for number, (width, height, frames, fps) in enumerate(SIZES):
            for kind in (T2V, I2V, CONDITIONS):
                followed, (name, config) = GUIDANCE[(number + cases) % 4], SCHEDULERS[(cases // 2) % 4]
                case = Case("a small red circle", "blue", number, 3.0, width, height, frames, 5, fps)
                guided = followed.get("stg_scale") or followed["audio_guidance_scale"] > 1
                case = case if guided else replace(case, guidance_scale=1.0, negative_prompt="")
                compare(place, kind, case, followed, name, config)
                cases, steps = cases + 1, steps + case.num_inference_steps
                print(f"{width}x{height}x{frames} @ {fps:g} {kind} {name or 'Euler'} {config or ''}: equal", flush=True)
    print(f"{cases} cases equal the stock calls, resumed after {steps} steps, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
