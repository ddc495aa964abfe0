"""The real process is killed, stopped and resumed; the finished frames are those of a run that was left alone.

What is killed or told to stop is a process of its own; what goes on in its run directory is this one where it may.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.forked import Forked
from vgpipe.cli import main

JOB = """
prompts:
  - {prompt: a small red circle moving left, seed: 1}
  - {prompt: a large blue square, seed: 2}
"""
# Enough steps that a clip takes a while on the tiny checkpoint, and a checkpoint after every step.
SETTINGS = (
    "job=job.yaml", "exporter=frames", "clip.width=32", "clip.height=32", "clip.num_frames=5",
    "quality.num_inference_steps=80", "executor.canary=false", "checks=off",
    "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0",
    "hydra.run.dir=run", "run.plan=off",
)  # fmt: skip


RESUME = ("resume", "run")


def start(cwd: Path, *arguments: str) -> Forked:
    return Forked([*arguments], cwd)


def left_to_finish(cwd: Path, *arguments: str) -> dict[str, np.ndarray]:
    with contextlib.chdir(cwd):
        assert main(list(arguments)) == 0
    return pixels(cwd)


def pixels(cwd: Path) -> dict[str, np.ndarray]:
    records = [json.loads(line) for line in (cwd / "run/clips.jsonl").read_text().splitlines()]
    assert [record["state"] for record in records] == ["done"] * len(records)
    folders = {record["clip"]: cwd / "run" / record["files"]["frames"] for record in records}
    return {
        name: np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])
        for name, folder in folders.items()
    }


def wait_for(condition, process: Forked) -> None:
    for _ in range(3000):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.02)
    raise AssertionError("waited a minute in vain")


def checkpoints(cwd: Path) -> Iterator[Path]:
    return (cwd / "outputs/.store/checkpoint").rglob("[!.]*.safetensors")


@pytest.fixture(scope="module")
def asked(tiny_wan) -> tuple[str, ...]:
    return *SETTINGS, f"model.id={tiny_wan}"


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory, asked) -> dict[str, np.ndarray]:
    cwd = tmp_path_factory.mktemp("left_alone")
    (cwd / "job.yaml").write_text(JOB)
    return left_to_finish(cwd, *asked)


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def equal(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> bool:
    return one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def stop(process: Forked, number: signal.Signals) -> None:
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "vgpipe resume run" in err and "stopped" in out


def states(cwd: Path) -> list[str]:
    return [json.loads(line)["state"] for line in (cwd / "run/clips.jsonl").read_text().splitlines()]


def test_kill_in_the_middle_of_denoising_goes_on_at_the_checkpoint(cwd, asked, left_alone, capsys):
    process = start(cwd, *asked)
    wait_for(lambda: any(checkpoints(cwd)), process)
    process.kill()
    process.communicate()
    assert any(checkpoints(cwd)), "the kill came too late to prove anything"
    capsys.readouterr()
    assert equal(left_to_finish(cwd, *RESUME), left_alone)
    assert "resumes at step" in capsys.readouterr().err
    assert not any(checkpoints(cwd))


def test_kills_at_random_moments_lose_and_tear_nothing(cwd, asked, left_alone):
    moments = random.Random(5)
    for _ in range(3):
        process = start(cwd, *asked)
        time.sleep(moments.uniform(0.2, 1.5))
        process.kill()
        process.communicate()
    assert equal(left_to_finish(cwd, *asked), left_alone)
    assert not list((cwd / "outputs/.store").rglob(".tmp-*")) and not list((cwd / "run").rglob(".tmp-*"))


def test_either_signal_checkpoints_and_exits_3_and_resume_finishes(cwd, asked, left_alone):
    process = start(cwd, *asked)
    wait_for(lambda: any(checkpoints(cwd)), process)
    stop(process, signal.SIGINT)
    assert "stopped" in states(cwd)
    (saved,) = checkpoints(cwd)
    before = saved.stat().st_mtime_ns
    process = start(cwd, *RESUME)
    wait_for(lambda: not saved.exists() or saved.stat().st_mtime_ns != before, process)
    stop(process, signal.SIGTERM)
    assert "stopped" in states(cwd)
    assert equal(left_to_finish(cwd, *RESUME), left_alone)


def test_a_run_that_is_still_going_cannot_be_resumed_beside_it_and_a_second_signal_stops_it_at_once(cwd, asked):
    process = start(cwd, *asked, "quality.num_inference_steps=900", "clip.num_frames=17", "clip.width=128")
    wait_for(lambda: any(checkpoints(cwd)), process)
    beside = start(cwd, *RESUME)
    _, err = beside.communicate(timeout=60)
    assert beside.returncode == 2 and "in use" in err
    assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 3


LONG = (
    "clip.prompt='a small red circle moving left on a white background'", "clip.seconds=6", "clip.width=32",
    "clip.height=32", "exporter=frames", "quality.num_inference_steps=12", "clip.segment_num_inference_steps=12",
    "executor.canary=false", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "hydra.run.dir=run",
    "run.plan=off",
)  # fmt: skip


def test_kill_in_the_third_segment_redoes_nothing_before_it(tmp_path, capsys):
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    alone.mkdir(), killed.mkdir()
    process = start(killed, *LONG)
    tails = killed / "outputs/.store/tail"
    wait_for(lambda: len(list(tails.glob("*/[!.]*"))) == 2 and any(checkpoints(killed)), process)
    process.kill()
    process.communicate()
    assert any(checkpoints(killed)), "the kill came too late to prove anything"
    capsys.readouterr()
    resumed = left_to_finish(killed, *RESUME)
    words = capsys.readouterr().err
    done = [line.split()[2] for line in words.splitlines() if line.startswith("denoise ")]
    assert "[3/4] resumes at step" in words and done == ["[3/4]", "[4/4]"]
    assert equal(resumed, left_to_finish(alone, *LONG))
