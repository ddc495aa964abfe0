"""Real processes are killed: a worker in the middle of denoising, then the driver. Nothing is lost, nothing is left.

One run bears both, since it costs the most to start: the driver survives its worker, and is killed
itself when another clip has a checkpoint; `resume` in this process finishes what it left.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.forked import Forked
from vgpipe.executor.workers.worker_process import ORPHAN_S

JOB = """
prompts:
  - {prompt: a small red circle moving left, seed: 1}
  - {prompt: a large blue square, seed: 2}
  - {prompt: a red square, seed: 3}
  - {prompt: a blue circle, seed: 4}
"""
STEPS = 40
ARGUMENTS = (
    "job=job.yaml", "exporter=frames", "clip.width=32", "clip.height=32", "clip.num_frames=5", "hydra.run.dir=run",
    f"quality.num_inference_steps={STEPS}", "executor.canary=false", "executor.wave_size=1", "run.plan=off",
    "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0",
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
    return found


def frames(run: Path) -> dict[str, bytes]:
    records = {one["clip"]: one for one in map(json.loads, (run / "clips.jsonl").read_text().splitlines())}
    assert {one["state"] for one in records.values()} == {"done"}
    folders = {name: run / one["files"]["frames"] for name, one in records.items()}
    return {
        name: b"".join(np.asarray(Image.open(file)).tobytes() for file in sorted(folder.iterdir()))
        for name, folder in folders.items()
    }


def test_a_killed_worker_and_a_killed_driver_lose_no_clip_and_few_steps(workdir, vgpipe, tiny_wan):
    (workdir / "job.yaml").write_text(JOB)
    run, model = workdir / "run", f"model.id={tiny_wan}"

    def events(kind: str) -> list[dict[str, Any]]:
        lines = (run / "events.jsonl").read_text().splitlines() if (run / "events.jsonl").exists() else []
        return [one for one in map(json.loads, (line for line in lines if line.endswith("}"))) if one["event"] == kind]

    def checkpoints() -> set[Path]:
        return set((workdir / "outputs/.store/checkpoint").rglob("[!.]*.safetensors"))

    driver = Forked([*ARGUMENTS, model, "executor.workers=2", "checks=off"], workdir)
    at_work = wait_for(checkpoints)
    killed = wait_for(lambda: events("worker_ready"))[0]
    os.kill(killed["pid"], signal.SIGKILL)
    (death,) = wait_for(lambda: events("worker_died"))
    assert death["worker"] == killed["worker"] and "SIGKILL" in death["reason"]
    wait_for(lambda: checkpoints() - at_work or len(events("clip_done")) >= 2)  # the run continues without that worker
    driver.kill()
    driver.communicate()
    workers = [one["pid"] for one in events("worker_ready")]
    assert len(workers) >= 2 and killed["pid"] in workers
    wait_for(lambda: not any(map(is_alive, workers)), 2 * ORPHAN_S + 5)

    assert vgpipe("resume", run).code == 0
    resumed = [int(step) for step in re.findall(r"resumes at step (\d+)", (run / "run.log").read_text())]
    assert resumed and all(0 < step <= STEPS for step in resumed)
    assert not checkpoints() and not list((workdir / "outputs").rglob(".tmp-*"))
    found = frames(run)
    alone = workdir / "alone"
    alone.mkdir()
    os.chdir(alone)
    (alone / "job.yaml").write_text(JOB)
    assert vgpipe(*ARGUMENTS, model, "executor.workers=1", "checks=off").code == 0
    assert frames(alone / "run") == found
