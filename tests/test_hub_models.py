"""A model of the hub, through the command line: downloaded once, continued after a stop, explained where missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.fake_hub import FakeHub

REPO = "maker/tiny-video"
SMALL = (
    "clip.width=32", "clip.height=32", "clip.num_frames=5", "quality.num_inference_steps=2", "clip.prompt=circle",
    "executor.canary=false", "checks=off",
)  # fmt: skip


@pytest.fixture
def hub(tiny_wan: Path):
    with FakeHub({REPO: tiny_wan}) as hub:
        yield hub


@pytest.fixture
def start(hub, workdir: Path):
    """Starts a run of the hub's model as a process of its own, with an empty hub cache."""

    def run(*more: str, **environment: str) -> subprocess.Popen[str]:
        hub_variables = {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(workdir / "hf"),
            "HF_HUB_OFFLINE": "0",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "vgpipe", f"model.id={REPO}", *SMALL, *more]
        return subprocess.Popen(
            command,
            cwd=workdir,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **hub_variables, **environment},
        )

    return run


@pytest.fixture
def run(start):
    def finished(*more: str, **environment: str) -> tuple[int, str]:
        process = start(*more, **environment)
        out, err = process.communicate(timeout=240)
        assert "Traceback" not in err, err
        return process.returncode, out + err

    return finished


def states(workdir: Path) -> list[str]:
    paths = sorted(workdir.glob("outputs/*/*/clips.jsonl"))
    return [json.loads(path.read_text().splitlines()[-1])["state"] for path in paths]


def test_a_stopped_download_and_a_server_error_lose_nothing_and_the_model_then_needs_no_network(
    hub, start, run, workdir
):
    hub.drip(40_000)
    process = start()
    deadline = time.monotonic() + 60
    while not (hub.bodies("safetensors") and any(p.stat().st_size for p in (workdir / "hf").rglob("*.incomplete"))):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3 and "resume" in err
    hub.heal()
    hub.fail("vae/diffusion", 503)
    code, failed = run()
    assert code == 1 and "answered 503" in failed and "-> run the same command again later" in failed
    assert states(workdir)[-1] == "failed"
    hub.heal()
    code, output = run()
    assert code == 0 and any(request.range for request in hub.bodies("safetensors"))
    assert "downloading transformer" in err + failed + output
    assert {path.suffix for path in (workdir / "hf").rglob("*")} & {".bin", ".py", ".ckpt"} == set()
    before = len(hub.requests)
    code, output = run("clip.seed=5", HF_HUB_OFFLINE="1")
    assert code == 0 and len(hub.requests) == before and "downloading" not in output
    assert states(workdir)[-2:] == ["done", "done"]
    for path in workdir.glob("outputs/*/*/config.yaml"):
        saved = yaml.safe_load(path.read_text())
        assert saved["model"]["revision"] == hub.repos[REPO].commit  # a resumed run takes the same files


@pytest.mark.parametrize("kind", ["gated", "pickle"])
def test_what_is_unavailable_is_reported_before_anything_starts(hub, run, workdir, kind, tmp_path_factory, tiny_wan):
    if kind == "gated":
        hub.repos[REPO].gated = True
        code, output = run()
        assert "is gated" in output and "hf auth login" in output
    else:
        copy = Path(shutil.copytree(tiny_wan, tmp_path_factory.mktemp("pickle") / "model"))
        weights = next((copy / "vae").glob("*.safetensors"))
        weights.rename(weights.with_suffix(".bin"))
        with FakeHub({REPO: copy}) as other:
            code, output = run(HF_ENDPOINT=other.url)
        assert "vae" in output and ".bin" in output
    assert code == 2 and not (workdir / "outputs").exists()
