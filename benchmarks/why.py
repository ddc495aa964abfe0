"""Renders a job, changes one input of it at a time, and asks `why` or `plan --why` what a run would do about it.

usage: python benchmarks/why.py [--only WORD]

The job has three clips of four steps on a copy of the embedded model, one of them from an image. Every question is a
command line of its own. After each the input is put back. What each prints about the clip that changed is in
docs/runs.md, word for word.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

SHAPES = Path(__file__).parents[1] / "vgpipe" / "weights" / "shapes"
JOB = """\
defaults: {seed: 7, num_inference_steps: 4}
prompts:
  - a small red circle moving left
  - id: hero
    prompt: a large blue square moving right
    negative_prompt: noise
  - id: still
    prompt: a small green triangle moving up
    image: first.png
"""
MODEL = ("model.id=model", "model.rules.image=optional", "executor.workers=1", "checks=off")
OTHER_VERSION = (
    "import sys, vgpipe.stages.keys as keys; keys.VERSIONS['denoise'] += 1; from vgpipe.cli import main; main()"
)
WEIGHTS = Path("model/transformer/diffusion_pytorch_model.safetensors")


@dataclass(frozen=True)
class Kind:
    """One kind of change.

    Attributes:
        name: what changes.
        clip: the beginning of the id of the clip that is asked about.
        change: makes it, in the working directory, with the directory of the run.
        overrides: typed after `plan --why job=job.yaml`; None asks `why RUN_DIR` instead.
        code: Python that runs the command line; "" for `python -m vgpipe`.
    """

    name: str
    clip: str
    change: Callable[[Path], object]
    overrides: tuple[str, ...] | None = None
    code: str = ""


def in_job(old: str, new: str) -> Callable[[Path], object]:
    """Returns a change of the job file."""
    return lambda _: Path("job.yaml").write_text(Path("job.yaml").read_text().replace(old, new))


def other_weights(_run: Path, path: Path = WEIGHTS) -> None:
    """Changes one tensor of a transformer."""
    tensors = load_file(path)
    name = min(tensors)
    tensors[name] = tensors[name] + tensors[name].dtype.type(1)
    save_file(tensors, path)


def another_model(run: Path) -> None:
    """Makes a copy of the model with other weights."""
    shutil.copytree("model", "other")
    other_weights(run, Path("other") / WEIGHTS.relative_to("model"))


def other_image(_run: Path) -> None:
    """Paints another picture under the same name."""
    Image.fromarray(np.full((64, 64, 3), 40, np.uint8)).save("first.png")


def other_library(run: Path) -> None:
    """Has the run be one of an older diffusers."""
    inputs = json.loads((run / "inputs.json").read_text())
    inputs["versions"]["diffusers"] = "0.35.1"
    (run / "inputs.json").write_text(json.dumps(inputs))


def add_lora(_run: Path) -> None:
    """Makes a LoRA of rank 1 for one layer."""
    weight = load_file(WEIGHTS)["blocks.0.attn1.to_q.weight"]
    layer = "transformer.blocks.0.attn1.to_q"
    down, up = np.zeros((1, weight.shape[1]), np.float32), np.zeros((weight.shape[0], 1), np.float32)
    save_file({f"{layer}.lora_A.weight": down, f"{layer}.lora_B.weight": up}, "style.safetensors")


def without(*stages: str) -> Callable[[Path], object]:
    """Returns a change that removes artifacts of stages from the store."""

    def remove(_run: Path) -> None:
        for stage in stages:
            shutil.rmtree(f"outputs/.store/{stage}", ignore_errors=True)

    return remove


def nothing(_run: Path) -> None:
    """Leaves everything as it is."""


KINDS = (
    Kind("nothing", "hero", nothing),
    Kind("prompt", "a-small", in_job("red circle", "black circle")),
    Kind("prompt of a clip with an id", "hero", in_job("blue square", "black square")),
    Kind("negative prompt", "hero", in_job("noise", "blur, noise")),
    Kind("seed", "hero", in_job("seed: 7", "seed: 8")),
    Kind("size", "hero", nothing, ("clip.width=96",)),
    Kind("frames", "hero", nothing, ("clip.num_frames=13",)),
    Kind("steps", "hero", in_job("steps: 4", "steps: 6")),
    Kind("guidance", "hero", nothing, ("clip.guidance_scale=5",)),
    Kind("frames per second", "hero", nothing, ("clip.fps=12",)),
    Kind("model file", "hero", other_weights),
    Kind("the same model elsewhere", "hero", lambda _: shutil.copytree("model", "other"), ("model.id=other",)),
    Kind("another model", "hero", another_model, ("model.id=other",)),
    Kind("precision", "hero", nothing, ("model.dtype=bfloat16",)),
    Kind("scheduler", "hero", nothing, ("model.scheduler.name=FlowMatchEulerDiscreteScheduler",)),
    Kind("a setting of the scheduler", "hero", nothing, ("model.scheduler.config.flow_shift=5",)),
    Kind("LoRA", "hero", add_lora, ("model.loras=[{id: style.safetensors, weight: 0.5}]",)),
    Kind("VAE tiles", "hero", nothing, ("memory.vae_tiling=true",)),
    Kind("precision of the VAE", "hero", nothing, ("memory.vae_dtype=bfloat16",)),
    Kind("content of the image", "still", other_image),
    Kind("setting of the exporter", "hero", nothing, ("exporter.crf=20",)),
    Kind("another exporter", "hero", nothing, ("exporter=gif",)),
    Kind("recipe in the files", "hero", nothing, ("run.metadata=false",)),
    Kind("vgpipe's own stage", "hero", nothing, None, OTHER_VERSION),
    Kind("version of a library", "hero", other_library),
    Kind("files gone from the store", "hero", without("export")),
    Kind("files and latents gone", "hero", without("export", "denoise")),
    Kind("latents gone, and another exporter", "hero", without("denoise"), ("exporter=gif",)),
    Kind("a run of an older version", "hero", lambda run: ((run / "inputs.json").unlink(), in_job("7", "8")(run))),
    Kind("a clip that is new", "a-large", in_job("prompts:", "prompts:\n  - a large black square")),
)


def vgpipe(*arguments: str, code: str = "") -> str:
    """Runs a command line; returns what it printed."""
    how = ["-c", code] if code else ["-m", "vgpipe"]
    environment = {**os.environ, "VGPIPE_CONFIG": "", "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, *how, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    return ran.stdout if ran.returncode in (0, 1) else ran.stderr


@contextmanager
def scene() -> Iterator[Path]:
    """Renders the job in a folder of its own, which becomes the working directory; yields that folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copytree(SHAPES, "model")
        Path("job.yaml").write_text(JOB)
        Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save("first.png")
        told = vgpipe("job=job.yaml", *MODEL)
        if "3 done" not in told:
            raise RuntimeError(told)
        yield Path(folder)
        os.chdir("/")


def main() -> None:
    """Asks about each kind of change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="kinds whose names contain this word")
    only = parser.parse_args().only
    with scene() as folder:
        whole = folder.with_name(f"{folder.name}-whole")
        shutil.copytree(folder, whole)
        for kind in (one for one in KINDS if only in one.name):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(whole, folder, dirs_exist_ok=True)  # with the times of the files
            run = next(Path("outputs/job").iterdir())
            kind.change(run)
            if kind.overrides is None:
                told = vgpipe("why", str(run), code=kind.code)
            else:
                told = vgpipe("plan", "--why", "job=job.yaml", *MODEL, *kind.overrides, code=kind.code)
            lines = [line.partition("  ")[2] for line in told.splitlines() if line.startswith(kind.clip)]
            sys.stdout.write(f"{kind.name}\n    {' / '.join(lines) or told}\n")
            sys.stdout.flush()
        shutil.rmtree(whole)


if __name__ == "__main__":
    main()
