"""The same promises on a CUDA device. Never run so far: no machine of the project had one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.gpu


def stock_latents(model: Path, record: dict):
    import torch
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(model, torch_dtype=torch.float32).to("cuda")
    return pipeline(
        prompt=record["prompt"], negative_prompt=record["negative_prompt"], height=record["height"],
        width=record["width"], num_frames=record["num_frames"], num_inference_steps=record["num_inference_steps"],
        guidance_scale=record["guidance_scale"], generator=torch.Generator("cpu").manual_seed(record["seed"]),
        max_sequence_length=64, output_type="latent",
    ).frames.cpu()  # fmt: skip


def stored_latents(workdir: Path, record: dict):
    from vgpipe.stages import tensors

    digest = record["artifacts"]["latents"]
    return tensors.load((workdir / f"outputs/.store/denoise/{digest[:2]}/{digest}/latents.safetensors").read_bytes())[
        0
    ]["latents"]


@pytest.mark.parametrize("strategy", ["resident", "staged"])
def test_latents_equal_the_stock_pipelines_and_vram_is_measured(render, workdir, tiny_wan, strategy):
    import torch

    record = render("clip.prompt=a small red circle", "clip.seed=3", f"memory={strategy}").records()[0]
    assert torch.equal(stored_latents(workdir, record), stock_latents(tiny_wan, record))
    assert record["peak_vram_gb"] > 0


def test_a_stopped_clip_goes_on_to_the_same_latents(render, vgpipe, workdir, monkeypatch):
    import torch

    from vgpipe.executor.cancel_token import CancelToken

    prompt = ("clip.prompt=a small red circle", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0")
    whole = stored_latents(workdir, render(*prompt, "store.dir=whole").records()[0])
    asked = iter([False] * 4 + [True] * 100)
    monkeypatch.setattr(CancelToken, "__call__", lambda self: next(asked))
    stopped = render(*prompt)
    assert stopped.code == 3
    monkeypatch.undo()
    assert torch.equal(stored_latents(workdir, vgpipe("resume", stopped.root).records()[0]), whole)
