"""The model-card way: load the stock pipeline once, loop prompt by prompt, export each. Run by vs_plain_script.py.

usage: python benchmarks/plain_script.py MODEL CLIPS.json OUTPUT_DIR
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import WanPipeline
from diffusers.utils import export_to_video


def main(model: str, clips_json: str, output: str) -> None:
    """Renders every clip and writes the digests of their latents and of their 8-bit frames beside the videos."""
    pipe = WanPipeline.from_pretrained(model, torch_dtype=torch.float32)
    latents, frames_8bit = {}, {}
    for index, clip in enumerate(json.loads(Path(clips_json).read_text())):
        last: dict[str, torch.Tensor] = {}

        def keep(_pipe, _step, _timestep, tensors, last=last):
            last.update(tensors)
            return {}

        frames = pipe(
            prompt=clip["prompt"],
            negative_prompt=clip["negative_prompt"],
            height=clip["height"],
            width=clip["width"],
            num_frames=clip["num_frames"],
            num_inference_steps=clip["num_inference_steps"],
            guidance_scale=clip["guidance_scale"],
            generator=torch.Generator().manual_seed(clip["seed"]),
            max_sequence_length=64,
            callback_on_step_end=keep,
        ).frames[0]
        export_to_video(frames, f"{output}/{index:03d}.mp4", fps=int(clip["fps"]))
        latents[clip["clip"]] = hashlib.sha256(last["latents"].numpy().tobytes()).hexdigest()
        rounded = (np.asarray(frames) * 255).round().astype(np.uint8)
        frames_8bit[clip["clip"]] = hashlib.sha256(rounded.tobytes()).hexdigest()
    Path(output, "digests.json").write_text(json.dumps({"latents": latents, "frames": frames_8bit}))


if __name__ == "__main__":
    main(*sys.argv[1:])
