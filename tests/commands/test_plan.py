"""The command `plan` as a user types it, with real profiles of small models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import SMALL

HEAVY = ("torch", "diffusers", "transformers")
WARM = f"""
import sys, time
started = time.process_time()
from vgpipe.cli import main
code = main(sys.argv[1:])
sys.stderr.write(f"{{time.process_time() - started:.2f}} ")
sys.stderr.write(",".join(name for name in {HEAVY} if name in sys.modules) or "light")
sys.exit(code)
"""


def test_help_says_what_it_does_and_is_light():
    ran = _process("plan", "--help")
    assert ran.returncode == 0 and "usage: python -m vgpipe plan" in ran.stdout and "VGPIPE_CACHE" in ran.stdout
    assert ran.stderr.split()[-1] == "light"


def test_the_embedded_model_is_planned_for_this_machine(vgpipe, workdir):
    ran = vgpipe("plan")
    assert ran.code == 0, ran.err
    for word in (
        "Fits. ",
        "on this CPU, finished about",
        "shapes, float32: 1 clip",
        "64x64, 17 frames, 20 steps",
        "resident",
    ):
        assert word in ran.out
    assert list(workdir.iterdir()) == []


def test_a_warm_plan_is_quick_and_imports_no_model_library(vgpipe):
    assert vgpipe("plan", "hardware=rtx3060_8gb").code == 0
    for arguments in (["hardware=rtx3060_8gb"], ["--json", "hardware=rtx3060_8gb", "memory=staged"]):
        ran = _process("plan", *arguments)
        assert ran.returncode == 0, ran.stderr
        seconds, modules = ran.stderr.split()[-2:]
        assert modules == "light" and float(seconds) < 2


def test_only_json_is_on_stdout(vgpipe):
    ran = vgpipe("plan", "--json", "hardware=rtx3060_8gb", "memory=model_offload", "memory.vae_tiling=true")
    (row,) = json.loads(ran.out)["rows"]
    assert ran.code == 0 and row["strategy"] == "model_offload" and row["chosen"] and row["vae_tiling"]
    assert row["stages"]["denoise"]["tflop"] > 0.001


def test_a_checkpoint_of_the_users_own_and_a_job(vgpipe, workdir, tiny_wan):
    (workdir / "job.yaml").write_text("prompts: [a red circle, a blue square]\n")
    ran = vgpipe("plan", "job=job.yaml", f"model.id={tiny_wan}", *SMALL, "hardware=t4_16gb")
    assert ran.code == 0, ran.err
    assert "shapes, float32: 2 clips" in ran.out and "32x32, 5 frames, 4 steps x 2 clips" in ran.out
    assert "download" not in ran.out and not (workdir / "outputs").exists()


def test_the_plan_and_a_tracked_run_agree(vgpipe, tiny_wan, render):
    """What the plan counts for one strategy is what the tracker of a real run with a limit sees."""
    limit = "hardware.memory_limit_gb=1"
    fixed = ("hardware=cpu", limit, "memory=staged", "run.degrade=strict")
    ran = vgpipe("plan", "--json", f"model.id={tiny_wan}", *SMALL, *fixed)
    foreseen = json.loads(ran.out)["rows"][0]["stages"]
    assert render("clip.prompt=a small red circle", *fixed).code == 0
    run = next(path.parent for path in Path("outputs/clip").glob("*/events.jsonl"))
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    peaks = {one["stage"]: one["device_gb"] for one in events if one["event"] == "stage_peak"}
    for stage, told in foreseen.items():
        assert peaks[stage] == pytest.approx(told["allocated_gib"], rel=0.02), stage


def test_what_does_not_fit_is_shown_and_ends_with_2_and_what_does(vgpipe):
    ran = vgpipe("plan", "memory=resident", "hardware=cpu", "hardware.memory_limit_gb=0.02", "run.degrade=strict")
    assert ran.code == 2 and ran.out.startswith("Does not fit: ") and "(type: memory" in ran.out
    assert "does not fit cpu" in ran.err and "fits with memory" in ran.err and "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hardware=rtx9999"], ["hardware", "rtx9999"]),
        (["hardware=rtx3060_8gb,rtx9999"], ["hardware", "rtx9999", "rtx4090_24gb"]),
        (["model=nope,shapes"], ["model", "nope", "cogvideox_5b"]),
        (["memory=much"], ["memory", "much", "leaf_offload"]),
        (["clip.width=65"], ["clip.width", "65", "64"]),
        (["clip.num_frames=16"], ["clip.num_frames", "16", "17"]),
        (["job=missing.yaml"], ["missing.yaml"]),
        (["job=job.yaml"], ["job.yaml:2", "sed"]),
        (["-m", "quality=quick,standard"], ["plan takes no sweep", "hardware=all"]),
        (["--cfg", "job"], ["--cfg", "has no use here", "--help"]),
        (["job.yaml"], ["job=job.yaml"]),
        (["model.id=/nowhere", "hardware=t4_16gb"], ["/nowhere", "nothing is there"]),
        (["memory.weights.unet=int8", "hardware=t4_16gb"], ["memory.weights.unet", "transformer"]),
        (["--config-dir", "nowhere"], ["nowhere", "not a folder"]),
        (["quality=quick,standard"], ["quality", "several values"]),
    ],
)
def test_bad_usage_is_one_message(vgpipe, workdir, arguments, words):
    (workdir / "job.yaml").write_text("prompts:\n  - {prompt: a, sed: 1}\n")
    ran = vgpipe("plan", *arguments)
    assert ran.code == 2 and ran.out == ""
    assert all(word in ran.err for word in words), ran.err
    assert "Traceback" not in ran.err


def test_models_times_cards_is_a_verdict_and_a_table_in_markdown(vgpipe):
    ran = vgpipe("plan", "hardware=rtx3060_8gb,t4_16gb")
    assert ran.code == 0, ran.err
    first, empty, head, rule, *rows, last, note = ran.out.splitlines()
    assert first == "shapes fits 2 of 2 cards at its reference size (64x64, 17 frames)." and empty == last == ""
    assert head.startswith("| card") and set(rule) <= set("| -") and len(rows) == 2 and "none was measured" in note
    assert all("64x64, 17 frames" in row and "resident" in row for row in rows)


def test_a_job_on_several_cards(vgpipe, workdir):
    (workdir / "job.yaml").write_text("prompts: [a red circle, {prompt: b, num_frames: 5}]\n")
    ran = vgpipe("plan", "job=job.yaml", "hardware=rtx3060_8gb,t4_16gb")
    assert ran.code == 0 and ran.out.count("2 of 2 kinds of clip") == 2
    told = json.loads(vgpipe("plan", "job=job.yaml", "hardware=rtx3060_8gb,t4_16gb", "--json").out)
    assert [plan["tier"]["name"] for plan in told["plans"]] == ["rtx3060_8gb", "t4_16gb"]


def test_ten_thousand_clips_are_planned_quickly(vgpipe, workdir):
    assert vgpipe("plan", "hardware=t4_16gb").code == 0
    (workdir / "job.txt").write_text("".join(f"a red circle number {number}\n" for number in range(10_000)))
    started = time.monotonic()
    ran = vgpipe("plan", "job=job.txt", "hardware=t4_16gb")
    assert ran.code == 0 and "10000 clips" in ran.out
    assert time.monotonic() - started < 20


def _process(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WARM, *arguments]
    return subprocess.run(command, text=True, capture_output=True, env=os.environ, cwd="/", check=False)
