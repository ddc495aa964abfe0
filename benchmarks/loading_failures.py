"""Breaks a tiny checkpoint in every way we know and shows what the user reads, and what was rendered all the same.

Each case is a sweep over the broken checkpoint and a whole one: the whole one must be rendered.

    python -m benchmarks.loading_failures [--case NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "blue", "circle", "square", "moving", "left", "right"]
SMALL = ("clip.prompt=circle", "clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2")


def shard(folder: Path) -> None:
    """Saves the transformer again in several files with an index, as large models are."""
    from diffusers import WanTransformer3DModel

    whole = WanTransformer3DModel.from_pretrained(folder / "transformer")
    shutil.rmtree(folder / "transformer")
    whole.save_pretrained(folder / "transformer", max_shard_size="40KB")


def missing_shard(folder: Path) -> None:
    sorted((folder / "transformer").glob("*.safetensors"))[1].unlink()


def truncated_shard(folder: Path) -> None:
    path = sorted((folder / "transformer").glob("*.safetensors"))[1]
    path.write_bytes(path.read_bytes()[:-100])


def no_safetensors_file(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).write_text("version https://git-lfs.github.com/spec/v1\n")


def missing_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = next((folder / "text_encoder").glob("*.safetensors"))
    tensors = load_file(path)
    tensors.pop(next(name for name in tensors if name.endswith("k.weight")))
    save_file(tensors, path, metadata={"format": "pt"})


def wrong_shape(folder: Path) -> None:
    path = folder / "vae" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_dim": 8}))


def _index(folder: Path, **changes: object) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def wrong_class(folder: Path) -> None:
    _index(folder, vae=["diffusers", "AutoencoderKL"])


def unknown_class(folder: Path) -> None:
    _index(folder, transformer=["diffusers", "WanTransformer9DModel"])


def foreign_library(folder: Path) -> None:
    _index(folder, vae=["my_package", "Decoder"])


def pickle_only(folder: Path) -> None:
    path = next((folder / "vae").glob("*.safetensors"))
    path.rename(path.with_suffix(".bin"))


def missing_component(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")


def damaged_index(folder: Path) -> None:
    (folder / "model_index.json").write_text('{"_class_name": "WanPip')


def no_checkpoint(folder: Path) -> None:
    shutil.rmtree(folder)


CASES: tuple[Callable[[Path], None], ...] = (
    missing_shard, truncated_shard, no_safetensors_file, missing_tensor, wrong_shape, wrong_class, unknown_class,
    foreign_library, pickle_only, missing_component, damaged_index, no_checkpoint,
)  # fmt: skip


def show(case: Callable[[Path], None], whole: Path, work: Path) -> bool:
    """Runs one case; prints its message and says whether the whole model was rendered."""
    broken = Path(shutil.copytree(whole, work / case.__name__ / "broken"))
    shutil.copytree(whole, work / case.__name__ / "whole")
    case(broken)
    command = [sys.executable, "-m", "vgpipe", "-m", "model.id=broken,whole", *SMALL]
    ran = subprocess.run(command, cwd=broken.parent, capture_output=True, text=True, check=False)
    lines = [line for line in ran.stderr.splitlines() if "broken" in line or "failed in" in line]
    message = next((line for line in lines if "->" in line), ran.stderr[-500:]).replace(str(work), "...")
    records = [path.read_text().splitlines()[-1] for path in broken.parent.rglob("clips.jsonl")]
    done = sum(json.loads(line)["state"] == "done" for line in records)
    is_reported = "Traceback" not in ran.stderr and "->" in message
    sys.stdout.write(f"{case.__name__}: exit {ran.returncode}, {done} of 2 rendered\n    {message}\n")
    return is_reported and done == 1 and ran.returncode == 1


def main() -> int:
    """Runs every case, or those named."""
    names = [case.__name__ for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", nargs="+", choices=names, default=names)
    chosen = parser.parse_args().case
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from tests.tiny_checkpoints import save_tiny_wan

    with tempfile.TemporaryDirectory() as folder:
        whole = save_tiny_wan(Path(folder) / "model", WORDS)
        shard(whole)
        good = [show(case, whole, Path(folder)) for case in CASES if case.__name__ in chosen]
    sys.stdout.write(f"{sum(good)} of {len(good)} reported in one line, with the other model rendered\n")
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
