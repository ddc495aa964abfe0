"""Compares MiniMax-H3 with its modular pipeline: latents, frames and samples, at several sizes and precisions.

A tiny random checkpoint on the CPU, in one process. Each case is made by all blocks of the workflow and by the family,
then resumed after every one of its steps; one is made under each memory strategy that keeps weights elsewhere, and the
live bytes of a plan are held against those of a run. Any difference ends it with an assertion.

usage: python benchmarks/minimax_h3_bits.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.memory.test_placement import IN_FILES, Placed
from tests.models.driven import Case, assert_resumes, drive
from tests.models.families import test_minimax_h3 as tested
from tests.planner.real_runs import RealStages, bound, peaks, spec_of
from tests.tiny import build
from vgpipe.models.base import Settings
from vgpipe.planner.profiling.fake_stages import FakeStages

CASES = [
    (64, 32, 124, 2, "float32"),
    (96, 160, 141, 5, "float32"),
    (320, 288, 124, 3, "float32"),  # larger than a tile of its VAE
    (96, 64, 345, 3, "float32"),
    (96, 64, 124, 4, "bfloat16"),
    (320, 64, 175, 6, "bfloat16"),
]


def compare(folder: Path, width: int, height: int, frames: int, steps: int, dtype: str) -> None:
    """Makes one case both ways, and resumes it after each step."""
    one = drive("minimax_h3", folder, Settings(dtype=dtype))
    case = Case("blue square on black", "", steps, 1.0, width, height, frames, steps, fps=24)
    expected = tested.stock(one, case)
    made = one.decoded(one.latents(case)[1])
    assert np.array_equal(made.frames_THWC, (expected.get("videos")[0] * 255).round().astype("uint8"))
    assert np.array_equal(made.sound.samples_SC, expected.get("audio")[0].float().numpy().T)
    assert_resumes(one, case, list(range(1, steps)))


def place(folder: Path, scratch: Path) -> None:
    """Makes one clip under the strategies that keep weights in RAM or in files."""
    one = drive("minimax_h3", folder)
    latents, request = one.latents(tested.CASE)
    frames = one.frames(request)
    for strategy in IN_FILES:
        placed = Placed(one.family, strategy=strategy, offload_dir=scratch / strategy.value)
        again, request = placed.latents(tested.CASE)
        assert torch.equal(again, latents) and np.array_equal(placed.frames(request), frames), strategy
        print(f"{strategy.value}: equal")


def main() -> None:
    """Runs all cases."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = build("minimax_h3", Path(scratch) / "model")
        for case in CASES:
            started = time.monotonic()
            compare(folder, *case)
            print(*case, f"equal, resumed from each step, {time.monotonic() - started:.1f} s", flush=True)
        place(folder, Path(scratch))
        one = bound("minimax_h3", folder)
        told = peaks(FakeStages(one, spec_of("minimax_h3"), "cpu"))
        assert told == peaks(RealStages(one, spec_of("minimax_h3"), "cpu"))
        print("live bytes of a plan and of a run:", told)


if __name__ == "__main__":
    main()
