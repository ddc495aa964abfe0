"""Renders with six broken copies of the embedded model, and with the model itself: the canary has to find each.

    python -m benchmarks.broken_checkpoints [--case NAME ...] [--workers N]

Prints, for each, the exit code, the seconds, how many clips were denoised at full steps, and the line that the user
reads. What it found is in docs/running.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

SHAPES = Path(__file__).parents[1] / "vgpipe" / "weights" / "shapes"
Change = Callable[[str, torch.Tensor], torch.Tensor]
PROMPTS = (
    "a large red circle moving right on a black background",
    "a small blue square moving left on a white background",
    "a large green triangle moving up on a gray background",
    "a small yellow circle moving down on a blue background",
)


def zeroed(_name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Returns zeros in place of a tensor."""
    return torch.zeros_like(tensor)


def random(seed: int = 1) -> Change:
    """Returns what gives normal noise of the same spread in place of a tensor."""
    generator = torch.Generator().manual_seed(seed)

    def change(_name: str, tensor: torch.Tensor) -> torch.Tensor:
        spread = float(tensor.float().std()) if tensor.numel() > 1 else 0.02
        return (torch.randn(tensor.shape, generator=generator) * spread).to(tensor.dtype)

    return change


def fifty_fold(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Returns what the VAE's last layer gives, 50 times as large."""
    return tensor * 50 if name.startswith("decoder.conv_out") else tensor


CASES: Mapping[str, tuple[str, Callable[[], Change]] | None] = {
    "the model itself": None,
    "zeroed VAE": ("vae", lambda: zeroed),
    "random VAE": ("vae", random),
    "zeroed transformer": ("transformer", lambda: zeroed),
    "random transformer": ("transformer", random),
    "zeroed text encoder": ("text_encoder", lambda: zeroed),
    "50-fold VAE output": ("vae", lambda: fifty_fold),
}


def broken(folder: Path, case: str) -> Path:
    """Writes a copy of the embedded model with one component changed.

    Args:
        folder: where it goes; must not exist.
        case: a key of `CASES`.

    Returns:
        `folder`.
    """
    shutil.copytree(SHAPES, folder)
    known = CASES[case]
    if known is not None:
        component, make = known
        change = make()
        (path,) = (folder / component).glob("*.safetensors")
        tensors = {name: change(name, tensor).contiguous() for name, tensor in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return folder


def rendered(work: Path, case: str, *more: str) -> tuple[int, float, list[dict[str, Any]], int]:
    """Renders four clips with a broken model.

    Returns:
        Exit code, seconds, records, and how many clips were denoised at full steps.
    """
    name = case.replace(" ", "-")
    job = work / "job.yaml"
    job.write_text(json.dumps({"prompts": list(PROMPTS)}))
    model = broken(work / f"model-{name}", case)
    run = work / f"run-{name}"
    typed = [f"job={job}", f"model.id={model}", f"store.dir={work}/store-{name}", f"hydra.run.dir={run}", *more]
    begun_s = time.monotonic()
    code = subprocess.run(
        [sys.executable, "-m", "vgpipe", *typed], cwd=work, capture_output=True, check=False
    ).returncode
    seconds = time.monotonic() - begun_s
    newest = {one["clip"]: one for one in map(json.loads, (run / "clips.jsonl").read_text().splitlines())}
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    denoised = [one for one in events if one["event"] == "stage_done" and one["stage"] == "denoise"]
    return code, seconds, list(newest.values()), sum("canary" not in one["clip"] for one in denoised)


def main() -> None:
    """Prints one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", nargs="*", choices=tuple(CASES), default=tuple(CASES))
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in asked.case:
            code, seconds, records, clips = rendered(Path(folder), case, f"executor.workers={asked.workers}")
            states = ", ".join(record["state"] for record in records)
            print(f"{case}: exit {code}, {seconds:.0f} s, {clips} of 4 clips denoised ({states})")
            for error in dict.fromkeys(record["error"] for record in records if record["error"]):
                print(f"  {error}")


if __name__ == "__main__":
    main()
