"""The real process is killed, stopped and resumed; the finished frames are those of a run that was left alone."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

JOB = """
prompts:
  - {prompt: a small red circle moving left, seed: 1}
  - {prompt: a large blue square, seed: 2}
"""
# Enough steps that a clip takes a while on the tiny checkpoint, and a checkpoint after every step.
SETTINGS = (
    "job=job.yaml", "exporter=frames", "clip.width=32", "clip.height=32", "clip.num_frames=5",
    "quality.num_inference_steps=150", "executor.canary=false",
    "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0",
    "hydra.run.dir=run",
)  # fmt: skip


def command(model: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "vgpipe", *(arguments or (*SETTINGS, f"model.id={model}"))]


def start(cwd: Path, model: Path, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command(model, *arguments), cwd=cwd, stdout=pipe, stderr=pipe, text=True)


def finish(cwd: Path, model: Path) -> str:
    ran = subprocess.run(command(model, "resume", "run"), cwd=cwd, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def pixels(cwd: Path) -> dict[str, np.ndarray]:
    records = [json.loads(line) for line in (cwd / "run/clips.jsonl").read_text().splitlines()]
    assert [record["state"] for record in records] == ["done"] * len(records)
    folders = {record["clip"]: cwd / "run" / record["files"]["frames"] for record in records}
    return {
        name: np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
        for name, folder in folders.items()
    }


def wait_for(condition, process: subprocess.Popen[str]) -> None:
    for _ in range(3000):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.02)
    raise AssertionError("waited a minute in vain")


def checkpoints(cwd: Path) -> Iterator[Path]:
    return (cwd / "outputs/.store/checkpoint").rglob("[!.]*.safetensors")


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory, tiny_wan) -> dict[str, np.ndarray]:
    cwd = tmp_path_factory.mktemp("left_alone")
    (cwd / "job.yaml").write_text(JOB)
    subprocess.run(command(tiny_wan), cwd=cwd, check=True, capture_output=True, timeout=200)
    return pixels(cwd)


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_kill_in_the_middle_of_denoising_goes_on_at_the_checkpoint(cwd, tiny_wan, left_alone):
    process = start(cwd, tiny_wan)
    wait_for(lambda: any(checkpoints(cwd)), process)
    process.kill()
    process.communicate()
    assert any(checkpoints(cwd)), "the kill came too late to prove anything"
    assert "goes on at step" in finish(cwd, tiny_wan)
    assert equal(pixels(cwd), left_alone)
    assert not any(checkpoints(cwd))


def test_kills_at_random_moments_lose_and_tear_nothing(cwd, tiny_wan, left_alone):
    moments = random.Random(5)
    for _ in range(4):
        process = start(cwd, tiny_wan)
        time.sleep(moments.uniform(0.5, 5.0))
        process.kill()
        process.communicate()
    ran = subprocess.run(command(tiny_wan), cwd=cwd, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr
    assert equal(pixels(cwd), left_alone)
    assert not list((cwd / "outputs/.store").rglob(".tmp-*")) and not list((cwd / "run").rglob(".tmp-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_checkpoints_and_exits_3_and_resume_finishes(cwd, tiny_wan, left_alone, number):
    process = start(cwd, tiny_wan)
    wait_for(lambda: any(checkpoints(cwd)), process)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "vgpipe resume run" in err and "stopped" in out
    states = [json.loads(line)["state"] for line in (cwd / "run/clips.jsonl").read_text().splitlines()]
    assert "stopped" in states
    finish(cwd, tiny_wan)
    assert equal(pixels(cwd), left_alone)


def test_a_second_signal_stops_at_once(cwd, tiny_wan):
    process = start(cwd, tiny_wan, *SETTINGS, f"model.id={tiny_wan}", "clip.num_frames=17", "clip.width=128")
    wait_for(lambda: any(checkpoints(cwd)), process)
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 3


def test_a_run_that_is_still_going_cannot_be_resumed_beside_it(cwd, tiny_wan):
    process = start(cwd, tiny_wan)
    wait_for(lambda: any(checkpoints(cwd)), process)
    beside = subprocess.run(command(tiny_wan, "resume", "run"), cwd=cwd, capture_output=True, text=True, timeout=60)
    process.kill()
    process.communicate()
    assert beside.returncode == 2 and "in use" in beside.stderr


LONG = (
    "clip.prompt='a small red circle moving left on a white background'", "clip.seconds=7", "clip.width=32",
    "clip.height=32", "exporter=frames", "quality.num_inference_steps=60", "clip.segment_num_inference_steps=60",
    "executor.canary=false", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "hydra.run.dir=run",
)  # fmt: skip


def long_run(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "vgpipe", *(arguments or LONG)]
    return subprocess.Popen(line, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_kill_in_the_third_segment_redoes_nothing_before_it(tmp_path):
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    alone.mkdir(), killed.mkdir()
    assert long_run(alone).wait(timeout=200) == 0
    process = long_run(killed)
    tails = killed / "outputs/.store/tail"
    wait_for(lambda: len(list(tails.glob("*/[!.]*"))) == 2 and any(checkpoints(killed)), process)
    process.kill()
    process.communicate()
    assert any(checkpoints(killed)), "the kill came too late to prove anything"
    resumed = long_run(killed, "resume", "run")
    _, words = resumed.communicate(timeout=200)
    assert resumed.returncode == 0, words
    done = [line.split()[2] for line in words.splitlines() if line.startswith("denoise ")]
    assert "[3/5] goes on at step" in words and done == ["[3/5]", "[4/5]", "[5/5]"]
    assert equal(pixels(killed), pixels(alone))
