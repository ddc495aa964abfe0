"""Runs stages for real, under the counter that fake runs are counted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from vgpipe.models.base import Family, Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.models.registry import family
from vgpipe.models.weights.load_component import load_component
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.planner.profiling.fake_stages import FakeStages, StageRun

# Not AnyFlow: its table of positions, made at the first call and kept, counts again in each call that a plan repeats.
FAMILIES = {
    "animatediff_sd15": "animatediff", "generic": "generic", "text_to_video_ms": "text_to_video_sd",
    "cogvideox_2b": "cogvideox", "cogvideox_5b": "cogvideox", "cogvideox_5b_i2v": "cogvideox",
    "cogvideox15_5b": "cogvideox", "hunyuan_video": "hunyuan_video", "hunyuan_video_15": "hunyuan_video_15",
    "kandinsky5_t2v_lite": "kandinsky5", "minimax_h3": "minimax_h3", "sana_video": "sana_video",
    "ltx_video_2b": "ltx", "ltx_video_distilled": "ltx_condition", "wan21_t2v_1_3b": "wan", "wan21_t2v_14b": "wan",
    "wan22_ti2v_5b": "wan", "wan22_t2v_a14b": "wan", "wan21_vace_1_3b": "wan_vace", "wan21_flf2v_14b": "wan",
    "hunyuan_video_15_i2v": "hunyuan_video_15",
}  # fmt: skip
SLOW = ("minimax_h3",)  # 51 layers of text encoder, at least: `benchmarks/minimax_h3_bits.py` runs it
IMAGES = ("cogvideox_5b_i2v", "wan21_flf2v_14b", "hunyuan_video_15_i2v")
TOKENS = {"cogvideo": 226, "wan21_fl": 512}  # those that cannot have 32, by how their names begin
SIZES = {"ltx_video_2b": (64, 32, 5), "ltx_video_distilled": (64, 32, 5), "wan21_vace_1_3b": (48, 32, 9),
         "minimax_h3": (64, 32, 124), "sana_video": (64, 32, 5)}  # fmt: skip
KWARGS = {"sana_video": {"use_resolution_binning": False}}


class RealStages(FakeStages):
    """The same stages with loaded components; texts are as long as a plan takes them to be."""

    def _part(self, name: str, shared: Any, routing: Any) -> Any:
        one = self._family
        if name.startswith("tokenizer"):
            return super()._part(name, shared, routing)
        loaded = one.load(name, lambda component: load_component(one.checkpoint, component, one.settings, "cpu"))
        if isinstance(loaded, torch.nn.Module):
            shared.recorder.tracker.ignore([*loaded.parameters(), *loaded.buffers()])
        return loaded


def bound(option: str, folder: Path, **changes: Any) -> Family:
    """Returns the family of a tiny checkpoint."""
    own = {"max_sequence_length": TOKENS.get(option[:8], 32), "pipeline_kwargs": KWARGS.get(option, {})}
    settings = Settings(**own | changes)
    others = {"motion_adapter": Source(folder / "adapter", "")} if option == "animatediff_sd15" else {}
    return family(FAMILIES[option], Checkpoint(folder, others=others), settings)


def spec_of(option: str, **changes: Any) -> ClipSpec:
    """Returns a clip that a tiny checkpoint can make."""
    width, height, frames = SIZES.get(option, (48, 32, 5))
    told = {
        "width": width, "height": height, "num_frames": frames, "num_inference_steps": 4, "guidance_scale": 3.0,
        "fps": 8.0, "from_image": option in IMAGES,
    }  # fmt: skip
    return ClipSpec(**told | changes)


def all_stages(stages: FakeStages) -> tuple[StageRun, StageRun, StageRun]:
    """Runs the three stages, each on what the one before gave."""
    encoded = stages.encode()
    denoised = stages.denoise(encoded.result)
    return encoded, denoised, stages.decode(denoised.result, encoded.result)


def peaks(stages: FakeStages) -> dict[str, int]:
    """Returns the most bytes alive in each stage."""
    return {run.stage: run.peak_bytes for run in all_stages(stages)}
