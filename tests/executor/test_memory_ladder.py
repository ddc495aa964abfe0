"""Real models that run out of an enforced budget on the CPU: they step down, go on, and say what it cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

JOB = "prompts:\n  - {prompt: a red circle, seed: 1}\n  - {prompt: a blue square, seed: 2}\n"
SIZE = ("clip.width=96", "clip.height=96", "clip.num_frames=9", "clip.num_inference_steps=2", "hardware=cpu")
OFF = ("memory=resident", "run.plan=off", "executor.canary=false")


@pytest.fixture
def run(vgpipe, workdir):
    (workdir / "job.yaml").write_text(JOB)
    return lambda *more: vgpipe("job=job.yaml", *SIZE, *more)


def events(root: Path, kind: str) -> list[dict]:
    found = [json.loads(line) for line in (root / "events.jsonl").read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


def peak_gb(root: Path) -> float:
    return max(event["device_gb"] for event in events(root, "stage_peak"))


def latents(store: Path, record: dict) -> np.ndarray:
    digest = record["artifacts"]["latents"]
    return load_file(store / "denoise" / digest[:2] / digest / "latents.safetensors")["latents"]


def limited(limit_gb: float) -> str:
    return f"++hardware.memory_limit_gb={limit_gb:.6f}"


@pytest.fixture
def resident(run):
    """The same job with room for everything."""
    ran = run(*OFF, limited(32), "store.dir=resident")
    assert ran.code == 0 and events(ran.root, "memory_rung") == []
    return ran


def test_exact_rungs_are_taken_where_memory_runs_out_and_keep_every_bit(run, resident):
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.8), "store.dir=less", "run.degrade=strict", "memory=auto")
    rungs = [(one["stage"], one["rung"]["strategy"]) for one in events(ran.root, "memory_rung")]
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.8), "store.dir=other")
    assert ran.code == 0, ran.err
    assert {one["stage"] for one in events(ran.root, "memory_rung")} == {"decode"}, rungs
    assert peak_gb(ran.root) <= peak_gb(resident.root) * 0.8 + 1e-6
    for before, after in zip(resident.records(), ran.records(), strict=True):
        assert after["degradations"] == [] and after["artifacts"] == before["artifacts"]
        assert np.array_equal(latents(Path("resident"), before), latents(Path("other"), after))


def test_tiles_are_said_remembered_and_found_again(run, resident):
    limit = limited(peak_gb(resident.root) * 0.4)
    ran = run(*OFF, limit, "store.dir=tiled")
    assert ran.code == 0, ran.err
    first, second = ran.records()
    kinds = {(one["kind"], one["stage"]) for one in first["degradations"]}
    assert ("vae_tiling", "decode") in kinds and first["degradations"] == second["degradations"]
    assert first["artifacts"]["latents"] == resident.records()[0]["artifacts"]["latents"]
    assert first["artifacts"]["export"] != resident.records()[0]["artifacts"]["export"]
    assert "degraded: vae_tiling" in ran.err and "out of memory in decode" in ran.err
    again = run(*OFF, limit, "store.dir=tiled")
    assert again.code == 0 and all(one["reused"] for one in again.records()), again.err
    assert again.records()[0]["degradations"] == first["degradations"]
    anew = run(*OFF, limit, "store.dir=tiled", "clip.seed=7")
    assert anew.code == 0 and "out of memory" not in anew.err  # begins on the rung that the first ended on
    assert "in an earlier run" in anew.records()[0]["degradations"][0]["reason"]


def test_strict_changes_no_bit_and_fails_the_clip_instead(run, resident):
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.3), "run.degrade=strict", "memory=auto")
    assert ran.code == 1
    assert all(one["state"] == "failed" and not one["degradations"] for one in ran.records())
    assert all("limit" in one["error"] and one["error"].startswith("decode") for one in ran.records())


def test_with_any_the_clip_gets_smaller_but_never_below_the_floor(run, resident):
    few = ("run.degrade=any", "memory.vae_tiling=false", "hardware.floor.side=64", "hardware.floor.num_frames=5")
    ran = run(*OFF, limited(peak_gb(resident.root) * 0.4), *few)
    assert ran.code == 0, ran.err
    record = ran.records()[0]
    size = next(one for one in record["degradations"] if one["kind"] == "size")
    assert size["asked"] == "96x96, 9 frames" and (record["width"], record["num_frames"]) == (96, 9)
    assert record["made"]["num_frames"] >= 5 and record["made"]["width"] >= 64
    assert record["made"]["width"] * record["made"]["num_frames"] < 96 * 9


def test_a_plan_begins_on_a_rung_that_fits(run, resident):
    limit_gb = peak_gb(resident.root) * 0.5
    ran = run(limited(limit_gb), "executor.canary=false")
    assert ran.code == 0, ran.err
    assert events(ran.root, "memory_rung") == [] and peak_gb(ran.root) <= limit_gb + 1e-6
    assert ran.records()[0]["predicted_peak_gb"] <= limit_gb


def test_what_cannot_fit_is_refused_before_anything_starts(run, workdir):
    ran = run(limited(0.001))
    assert ran.code == 2 and "does not fit" in ran.err and "->" in ran.err
    assert not (workdir / "outputs").exists()
