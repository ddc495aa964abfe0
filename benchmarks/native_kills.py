"""Kills real vgpipe processes in every section of clips that continue natively, and compares with one stock call.

    nice python benchmarks/native_kills.py [skyreels_v2_df_1_3b framepack framepack_f1]

A tiny random checkpoint of each model makes a clip of three sections. The process is killed by SIGKILL as soon as the
store shows each of the states below, and `resume RUN_DIR` continues it. The finished frames must be those of one call
of the stock pipeline for the whole clip.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests import tiny
from vgpipe.stages.checkpoints import done_steps

STEPS, SIZE, TOO_LONG_S = 80, (48, 32), 300
SHARED = (
    "checks=off", "run.plan=off", "run.sheet=false", "exporter=frames", "executor.canary=false", "model.dtype=float32",
    "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "hydra.run.dir=run", "model.rules.min_side=16",
    "clip.seed=7", f"clip.num_inference_steps={STEPS}", f"clip.width={SIZE[0]}", f"clip.height={SIZE[1]}", "clip.fps=8",
)  # fmt: skip


class Work:
    """What a folder shows of a run."""

    def __init__(self, folder: Path):
        self._store = folder / "outputs" / ".store"

    def made(self, kind: str) -> int:
        """Returns how many artifacts of a stage there are."""
        return len(list((self._store / kind).glob("*/[!.]*")))

    @property
    def steps(self) -> int:
        """Steps of the checkpoint, if there is one."""
        return max(map(done_steps, (self._store / "checkpoint").glob("*/[!.]*.safetensors")), default=0)


# A section of SkyReels-V2 is an artifact of its own; those of FramePack are one, whose checkpoint counts all steps.
When = dict[str, Callable[[Work], bool]]
CHAIN: When = {
    "in the first section": lambda work: work.steps >= 20,
    "between two sections": lambda work: work.made("denoise") == 1 and not work.steps,
    "in the second section": lambda work: work.made("denoise") == 1 and work.steps >= 40,
    "in the third section": lambda work: work.made("denoise") == 2 and work.steps >= 10,
}
ONE_PASS: When = {
    "in the first section": lambda work: work.steps >= 20,
    "in the second section": lambda work: work.steps >= STEPS,
    "in the third section": lambda work: work.steps >= 2 * STEPS + 10,
    "in the middle of decoding": lambda work: work.made("decode") == 1,
}


def skyreels(folder: Path) -> tuple[tuple[str, ...], np.ndarray, When]:
    """Returns the command of a clip, its frames of one stock call, and when to kill it."""
    import torch
    from diffusers import SkyReelsV2DiffusionForcingPipeline, UniPCMultistepScheduler

    stock = quiet(SkyReelsV2DiffusionForcingPipeline.from_pretrained(folder))
    stock.scheduler = UniPCMultistepScheduler.from_config(stock.scheduler.config, flow_shift=8.0)
    torch.manual_seed(7)
    frames = stock(
        prompt="blue square", negative_prompt="red", width=SIZE[0], height=SIZE[1], num_frames=29, fps=8,
        num_inference_steps=STEPS, guidance_scale=5.5, max_sequence_length=16, base_num_frames=13, overlap_history=5,
        addnoise_condition=20, output_type="np",
    ).frames[0]  # fmt: skip
    command = (
        "model.max_sequence_length=16", "model.component_dtypes.text_encoder=float32", "clip.prompt=blue square",
        "clip.negative_prompt=red", "clip.guidance_scale=5.5", "clip.num_frames=29", "model.rules.max_num_frames=13",
        "model.rules.native_overlap_num_frames=5",
    )  # fmt: skip
    return command, frames, CHAIN


def framepack(folder: Path, sampling_type: str) -> tuple[tuple[str, ...], np.ndarray, When]:
    """Returns the command of a clip, its frames of one stock call, and when to kill it."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, HunyuanVideoFramepackPipeline
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
    stock = quiet(HunyuanVideoFramepackPipeline.from_pretrained(folder, tokenizer=tokenizer))
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype="uint8"))
    image.save(folder / "first.png")
    stock.scheduler = FlowMatchEulerDiscreteScheduler.from_config(stock.scheduler.config)
    frames = stock(
        image=image, prompt="red", width=SIZE[0], height=SIZE[1], num_frames=99, num_inference_steps=STEPS,
        guidance_scale=6.0, max_sequence_length=48, sampling_type=sampling_type, output_type="np",
        generator=torch.Generator().manual_seed(7),
    ).frames[0]  # fmt: skip
    parts = [f"model.components.{name}.id={folder}" for name in ("image_encoder", "feature_extractor")]
    floats = ("vae", "text_encoder", "text_encoder_2", "image_encoder")
    command = (
        "model.max_sequence_length=48", "clip.prompt=red", "clip.guidance_scale=6", "clip.num_frames=109",
        f"clip.image={folder}/first.png", f"model.components.transformer.id={folder}/transformer", *parts,
        *(f"model.component_dtypes.{name}=float32" for name in floats),
    )  # fmt: skip
    return command, frames, ONE_PASS


MODELS: dict[str, Callable[[Path], tuple[tuple[str, ...], np.ndarray, When]]] = {
    "skyreels_v2_df_1_3b": skyreels,
    "framepack": lambda folder: framepack(folder, "inverted_anti_drifting"),
    "framepack_f1": lambda folder: framepack(folder, "vanilla"),
}


def quiet(pipeline: Any) -> Any:
    """Returns a pipeline that shows no bar."""
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def killed(arguments: tuple[str, ...], cwd: Path, when: Callable[[Work], bool]) -> bool:
    """Runs vgpipe and kills it; returns whether it was in the middle of its work."""
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command, work = [sys.executable, "-m", "vgpipe", *arguments], Work(cwd)
    process = subprocess.Popen(command, cwd=cwd, start_new_session=True, **nowhere)
    deadline = time.monotonic() + TOO_LONG_S
    while process.poll() is None and not when(work) and time.monotonic() < deadline:
        time.sleep(0.002)
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_running


def main() -> None:
    """Kills each of the models' clips in turn, and says whether the frames are those of the stock call."""
    for option in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as temporary:
            folder, cwd = Path(temporary, "model"), Path(temporary, "work")
            cwd.mkdir()
            tiny.build(option.removesuffix("_f1"), folder)
            command, stock, moments = MODELS[option](folder)
            arguments: tuple[str, ...] = (*SHARED, *command, f"model={option}", f"model.id={folder}")
            for moment, when in moments.items():
                print(option, f"killed {moment}:", killed(arguments, cwd, when), flush=True)
                arguments = ("resume", "run")
            ran = subprocess.run([sys.executable, "-m", "vgpipe", *arguments], cwd=cwd, capture_output=True, text=True)
            if ran.returncode:
                sys.exit(ran.stdout[-2000:] + ran.stderr[-4000:])
            (made,) = (cwd / "run" / "frames").iterdir()
            frames = np.stack([np.asarray(Image.open(path)) for path in sorted(made.iterdir())])
            same = np.array_equal(frames, (stock * 255).round().astype("uint8"))
            print(option, f"{len(frames)} frames, those of one stock call:", same, flush=True)


if __name__ == "__main__":
    main()
