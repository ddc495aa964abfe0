"""A clip of three sections by the command line, on a tiny checkpoint: killed, resumed, and with something lost."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import tiny
from tests.forked import Forked
from vgpipe.cli import main

ASKED = (
    "model=skyreels_v2_df_1_3b", "model.dtype=float32", "model.component_dtypes.text_encoder=float32",
    "model.max_sequence_length=16", "clip.width=48", "clip.height=32",
    "model.rules={min_side: 16, max_num_frames: 13, native_overlap_num_frames: 5}",
    "clip.prompt=blue square moving left", "clip.negative_prompt=red", "clip.seed=7", "clip.guidance_scale=5.5",
    "clip.num_frames=25", "clip.num_inference_steps=12", "clip.fps=8", "checks=off", "run.plan=off", "exporter=frames",
    "executor.canary=false", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "hydra.run.dir=run",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny.build("skyreels_v2_df_1_3b", tmp_path_factory.mktemp("skyreels") / "model")


@pytest.fixture(scope="module")
def stock_frames(folder) -> np.ndarray:
    import torch
    from diffusers import SkyReelsV2DiffusionForcingPipeline, UniPCMultistepScheduler

    pipeline = SkyReelsV2DiffusionForcingPipeline.from_pretrained(folder)
    pipeline.scheduler = UniPCMultistepScheduler.from_config(pipeline.scheduler.config, flow_shift=8.0)
    pipeline.set_progress_bar_config(disable=True)
    torch.manual_seed(7)
    frames = pipeline(
        prompt="blue square moving left", negative_prompt="red", width=48, height=32, num_frames=25, fps=8,
        num_inference_steps=12, guidance_scale=5.5, max_sequence_length=16, base_num_frames=13, overlap_history=5,
        addnoise_condition=20, output_type="np",
    ).frames[0]  # fmt: skip
    return (frames * 255).round().astype("uint8")


def finished(cwd: Path) -> np.ndarray:
    record = json.loads((cwd / "run/clips.jsonl").read_text().splitlines()[-1])
    assert record["state"] == "done"
    assert [segment.get("history_num_frames", 0) for segment in record["segments"]] == [0, 5, 5]
    paths = sorted((cwd / "run" / record["files"]["frames"]).iterdir())
    return np.stack([np.asarray(Image.open(path)) for path in paths])


def artifacts(cwd: Path, kind: str) -> list[Path]:
    return sorted((cwd / "outputs/.store" / kind).glob("*/[!.]*"), key=lambda path: path.stat().st_mtime)


def kill_in_the_second_section(cwd: Path, folder: Path) -> None:
    process = Forked([*ASKED, f"model.id={folder}"], cwd)
    deadline = time.monotonic() + 120
    while len(artifacts(cwd, "denoise")) != 1 or not artifacts(cwd, "decode") or not artifacts(cwd, "checkpoint"):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate(timeout=60)
        time.sleep(0.002)
    process.kill()
    process.communicate(timeout=60)
    assert len(artifacts(cwd, "checkpoint")) == 1, "the kill came too late to prove anything"


def test_a_killed_section_resumes_at_its_checkpoint_to_the_bits_of_one_stock_call(
    workdir, folder, stock_frames, capsys
):
    """Where the latents of the first section are lost, and its frames are there, it is made again."""
    kill_in_the_second_section(workdir, folder)
    shutil.copytree(workdir, workdir / "killed")
    for lost in ([], ["[1/3]"]):
        for name in ("run", "outputs"):
            shutil.rmtree(workdir / name)
            shutil.copytree(workdir / "killed" / name, workdir / name)
        for _ in lost:
            shutil.rmtree(artifacts(workdir, "denoise")[0])
        assert main(["resume", "run"]) == 0
        told = capsys.readouterr().err
        done = [line.split()[2] for line in told.splitlines() if line.startswith("denoise ")]
        assert "[2/3] resumes at step" in told and done == [*lost, "[2/3]", "[3/3]"]
        assert np.array_equal(finished(workdir), stock_frames)
