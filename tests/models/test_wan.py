"""vgpipe's latents and frames are the stock pipeline's, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vgpipe.models.base import DenoiseRequest
from vgpipe.models.checkpoint import Checkpoint, open_checkpoint
from vgpipe.models.registry import family
from vgpipe.models.resumable import ResumableScheduler, scheduler_state

CASES = [("a small red circle", "", 0, 3.0), ("blue square moving left", "red", 7, 5.5), ("circle", "", 1234567, 1.0)]


@pytest.fixture(scope="module")
def checkpoint(tiny_wan: Path) -> Checkpoint:
    return open_checkpoint(str(tiny_wan))


@pytest.fixture(scope="module")
def parts(checkpoint: Checkpoint) -> dict[str, object]:
    names = ("tokenizer", "text_encoder", "transformer", "vae")
    return {name: checkpoint.load(name, dtype="float32", device="cpu") for name in names}


@pytest.fixture(scope="module")
def stock(tiny_wan: Path):
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(tiny_wan, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)

    def run(prompt: str, negative: str, seed: int, guidance: float, output_type: str):
        return pipeline(
            prompt=prompt, negative_prompt=negative, height=32, width=48, num_frames=9, num_inference_steps=6,
            guidance_scale=guidance, generator=torch.Generator().manual_seed(seed), max_sequence_length=16,
            output_type=output_type,
        ).frames  # fmt: skip

    return run


def denoise(checkpoint, parts, case, *, done=0, saved=None, spy=None):
    prompt, negative, seed, guidance = case
    wan = family("wan")
    texts = {name: parts[name] for name in wan.encode_parts}
    scheduler = checkpoint.load("scheduler", dtype="float32", device="cpu")

    def on_step_end(steps: int, latents: torch.Tensor) -> None:
        if spy is not None:
            spy.append((done + steps, latents.clone(), scheduler_state(scheduler)))

    request = DenoiseRequest(
        embeds=wan.encode(texts, prompt, max_sequence_length=16),
        negative_embeds=wan.encode(texts, negative, max_sequence_length=16) if guidance > 1 else None,
        width=48,
        height=32,
        num_frames=9,
        num_inference_steps=6,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(seed),
        latents=saved[1] if saved else None,
        on_step_end=on_step_end,
    )
    resumable = ResumableScheduler(scheduler, done_steps=done, state=saved[2] if saved else None)
    return wan.denoise(checkpoint, {"transformer": parts["transformer"]}, resumable, request)


@pytest.mark.parametrize("case", CASES)
def test_latents_and_frames_equal_the_stock_pipelines(checkpoint, parts, stock, case):
    latents = denoise(checkpoint, parts, case)
    assert torch.equal(latents, stock(*case, "latent"))
    frames = family("wan").decode(checkpoint, {"vae": parts["vae"]}, latents)
    assert frames.dtype == np.uint8 and frames.shape == (9, 32, 48, 3)
    assert np.array_equal(frames, (stock(*case, "np")[0] * 255).round().astype("uint8"))


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_going_on_from_any_step_gives_the_same_bits(checkpoint, parts, step):
    seen: list = []
    whole = denoise(checkpoint, parts, CASES[1], spy=seen)
    saved = seen[step - 1]
    assert saved[0] == step
    assert torch.equal(denoise(checkpoint, parts, CASES[1], done=step, saved=saved), whole)


def test_scale_factors_come_from_the_vae_and_not_from_the_pipelines_guess(checkpoint, parts, monkeypatch):
    config = checkpoint.config("vae") | {"scale_factor_spatial": 16}
    monkeypatch.setattr(checkpoint, "config", lambda part: config)
    assert denoise(checkpoint, parts, CASES[2]).shape[-2:] == (2, 2)  # 32x48 at 16, made even by the patch size
