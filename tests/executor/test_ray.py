"""Whole runs on a cluster: the bits of one process, and every file in the driver's store."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("ray")

from tests.conftest import Ran
from vgpipe.executor.workers import ray_nodes, ray_session

PROMPTS = {
    "prompts": [
        {"prompt": "a small red circle moving left on a white background", "seeds": [1, 2, 3]},
        {"prompt": "a blue square growing on a black background", "seconds": 4},  # two segments
    ]
}
QUICK = (
    "job=job.yaml", "clip.width=32", "clip.height=32", "quality.num_inference_steps=3", "executor.canary=false",
    "exporter=frames", "run.plan=off",
)  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Frames of each clip, and digests of all latents, as one process makes them."""
    from vgpipe.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("alone"))
        Path("job.yaml").write_text(json.dumps(PROMPTS))
        assert main([*QUICK, "executor.workers=1"]) == 0
        (run,) = Path("outputs/job").glob("[0-9]*")
        return frames_of(run), latents_of(Path("outputs/.store"))


@pytest.fixture
def run(vgpipe, workdir, ray_cluster):
    (workdir / "job.yaml").write_text(json.dumps(PROMPTS))
    return lambda *more: vgpipe(*QUICK, "executor=ray", f"executor.address={ray_cluster.address}", *more)


@pytest.fixture
def own_stores(monkeypatch):
    """Has no node see the driver's store folder."""
    monkeypatch.setattr(ray_nodes.Nodes, "_probe", lambda *_: (Path("/nonexistent/probe"), "x"))


def frames_of(run: Path) -> dict[str, str]:
    paths = sorted((run / "frames").rglob("*.png"))
    return {path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def latents_of(store: Path) -> dict[str, str]:
    """Returns name of each latents artifact -> checksum."""
    records = [json.loads(path.read_text()) for path in store.glob("denoise/*/*/artifact.json")]
    return {one["digest"]: one["files"]["latents.safetensors"]["sha256"] for one in records}


def events(ran: Ran, kind: str) -> list[dict]:
    lines = map(json.loads, (ran.root / "events.jsonl").read_text().splitlines())
    return [one for one in lines if one["event"] == kind]


def test_nodes_with_stores_of_their_own_make_what_one_process_makes(run, own_stores, alone, ray_cluster):
    ran = run("executor.workers=2")
    assert ran.code == 0, ran.err
    assert (frames_of(ran.root), latents_of(Path("outputs/.store"))) == alone
    assert len(events(ran, "worker_ready")) == 2
    assert len({one["worker"] for one in events(ran, "stage_done")}) > 1
    assert not list(Path("outputs/.store").rglob("*.safetensors.tmp")) and "Traceback" not in ran.err
    frames = [len(list((store.root / "decode").rglob("artifact.json"))) for store in ray_cluster.stores()]
    assert sum(frames) == 0 and not Path("outputs/.store/decode").exists()  # used up where they were made


def test_a_finished_job_does_not_start_ray(run, vgpipe, monkeypatch):
    assert vgpipe(*QUICK, "executor.workers=1").code == 0
    monkeypatch.setattr(ray_session.RaySession, "_connect", lambda *_: pytest.fail("Ray was started"))
    ran = run()
    assert ran.code == 0 and "ray" not in (ran.root / "run.log").read_text().lower()
