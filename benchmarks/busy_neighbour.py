"""Denoising beside busy processes, with OpenMP threads that spin while they wait and with threads that sleep.

usage: python benchmarks/busy_neighbour.py [--rounds 3] [--neighbours N] [--model FOLDER]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "vgpipe" / "weights" / "shapes"
CLIP = """
import hashlib, sys, time, torch
from diffusers import WanPipeline
pipe = WanPipeline.from_pretrained(sys.argv[1], torch_dtype=torch.float32)
pipe.set_progress_bar_config(disable=True)
def clip():
    return pipe(prompt="a large red circle", height=64, width=64, num_frames=17, num_inference_steps=8,
                generator=torch.Generator().manual_seed(5), output_type="latent", max_sequence_length=64).frames
clip()
started = time.monotonic()
latents = clip()
print(time.monotonic() - started, hashlib.sha256(latents.numpy().tobytes()).hexdigest()[:12])
"""


def seconds(model: Path, policy: str | None) -> tuple[float, str]:
    """Denoises one clip in a new process; returns seconds and the digest of its latents."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": policy} if policy else {}
    printed = subprocess.check_output([sys.executable, "-c", CLIP, model], env=environment, text=True)
    took, digest = printed.split()[-2:]
    return float(took), digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    for count in (0, options.neighbours):
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
        try:
            pairs = [(seconds(options.model, None), seconds(options.model, "PASSIVE")) for _ in range(options.rounds)]
        finally:
            for process in busy:
                process.kill()
        ratio = statistics.median(spin[0] / passive[0] for spin, passive in pairs)
        same = len({digest for pair in pairs for _, digest in pair}) == 1
        shown = ", ".join(f"{spin[0]:.2f}/{passive[0]:.2f}" for spin, passive in pairs)
        print(f"{count} busy processes: spinning/passive seconds {shown}; median ratio {ratio:.2f}; same bits: {same}")


if __name__ == "__main__":
    main()
