"""Counts what CogVideoX's VAE takes while it decodes 49 frames of 720x480 under the diffusers that is installed.

Published figures of CogVideoX come from the diffusers of their time, and plans are made with the installed one:

    pip install --no-deps --target /tmp/old diffusers==0.30.3
    PYTHONPATH=/tmp/old python -m benchmarks.decode_by_version [--tiling]

Prints GiB, without weights. diffusers 0.30 reads a tensor's size in a way that fake tensors do not support; this script
replaces that one line.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from vgpipe.planner.profiling.memory_mode import Tracker

CONFIG = Path(__file__).parents[1] / "conf" / "components" / "cogvideox_5b.json"
LATENTS_BCTHW = (1, 16, 13, 60, 90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiling", action="store_true")
    tiling = parser.parse_args().tiling
    import diffusers

    peak = peak_gib(tiling=tiling)
    sys.stdout.write(f"diffusers {diffusers.__version__}, {'tiled' if tiling else 'untiled'}: {peak:.2f} GiB\n")


def peak_gib(*, tiling: bool) -> float:
    from diffusers import AutoencoderKLCogVideoX

    config = json.loads(CONFIG.read_text("utf-8"))["components"]["vae"]["config"]
    torch.set_default_dtype(torch.bfloat16)
    _answer_sizes()
    tracker = Tracker("cuda")
    with FakeTensorMode(), torch.no_grad():
        vae: Any = AutoencoderKLCogVideoX.from_config(config).eval()
        if tiling:
            vae.enable_tiling()
        tracker.ignore([*vae.parameters(), *vae.buffers()])
        with tracker:
            vae.decode(torch.empty(LATENTS_BCTHW))
    return tracker.top.peak_bytes / (1 << 30)


def _answer_sizes() -> None:
    """Has `torch.prod` of a shape give a plain number, as 0.30 asks for it before every convolution."""
    prod = torch.prod

    class Number(float):
        def item(self) -> float:
            return float(self)

    def answered(value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, Shape):
            number = 1
            for size in value:
                number *= size
            return Number(number)
        return prod(value, *args, **kwargs)

    class Shape(tuple):
        __slots__ = ()

    tensor = torch.tensor
    torch.tensor = lambda data, *args, **kwargs: (
        Shape(data) if isinstance(data, torch.Size) else tensor(data, *args, **kwargs)
    )
    torch.prod = answered


if __name__ == "__main__":
    main()
