"""The first line of a plan."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.config.load import load
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.planning import plan_of
from vgpipe.plans.verdict import verdict

NOW = datetime(2026, 1, 31, 23, 5)
TIMES = re.compile(r"[\d.]+-[\d.]+ (?:s|min|h)")


@pytest.fixture(autouse=True)
def profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plan_profiles, "cached_profile", MadeUpProfiles())


def told(*overrides, now=None):
    return verdict(plan_of(load(["model=cogvideox_5b", *overrides])), now)


def without_times(text):
    return TIMES.sub("T", text)


def test_what_fits_says_how_long_when_and_what_it_needs():
    line = told("hardware=gtx1660ti_6gb", "memory=leaf_offload", "memory.vae_tiling=true", now=NOW)
    pattern = (
        r"Fits\. [\d.]+(?:-| s to )[\d.]+ min per clip on GTX 1660 Ti 6GB, finished about 23:\d\d \(23:\d\d-23:\d\d\); "
        r"needs \d+ GB RAM, \d+ GB download, 0\.\d GB disk\."
    )
    assert re.fullmatch(pattern, line), line
    assert "finished" not in told("hardware=a100_80gb")


def test_what_was_changed_to_make_it_fit_is_said_at_once():
    assert told("hardware=rtx3080_10gb").startswith("Fits, with the VAE in tiles. ")
    tiled = told("hardware=rtx3080_10gb", "memory.vae_tiling=true")
    assert tiled.startswith("Fits. ")  # as requested


def test_several_clips_say_what_they_take_together(workdir):
    (workdir / "job.yaml").write_text("prompts: [a, b, {prompt: c, num_frames: 9}]\n")
    line = without_times(told("hardware=a100_80gb", "job=job.yaml"))
    assert line.startswith("Fits. T per clip (3 clips in T) on A100 80GB; needs ")


def test_kinds_that_had_to_be_changed_are_counted(workdir):
    (workdir / "job.yaml").write_text("prompts: [a, {prompt: c, num_frames: 9}]\n")
    line = told("hardware=rtx3080_10gb", "job=job.yaml")
    assert line.startswith("Fits, 1 of 2 kinds of clip with the VAE in tiles. ")


def test_workers_are_named_and_their_ram_is_added(workdir):
    (workdir / "job.yaml").write_text("prompts: [a, b]\n")
    (two, one) = (told("hardware=a100_80gb", "job=job.yaml", f"executor.workers={count}") for count in (2, 1))
    assert " on 2 x A100 80GB; " in two and " on A100 80GB; " in one
    ram = [float(re.search(r"needs ([\d.]+) GB RAM", line)[1]) for line in (two, one)]
    assert ram[0] == pytest.approx(2 * ram[1], rel=0.1)


def test_segments_of_long_clips_are_the_unit():
    line = told("hardware=a100_80gb", "clip.num_frames=90")
    assert " per segment (1 clip in " in line


def test_an_unknown_time_is_said_to_be_so():
    rates = [f"hardware.peak_tflops.{one}=null" for one in ("fp32", "fp16", "fp16_fp16_accumulate", "bf16", "int8")]
    assert "Fits. Time unknown on A100 80GB; needs " in told("hardware=a100_80gb", *rates)


def test_what_does_not_fit_says_what_is_lacking_and_the_nearest_that_does():
    line = told("hardware=gtx1660ti_6gb", "run.degrade=strict", now=NOW)
    assert line == (
        "Does not fit: decode needs 21.1 GB of GPU memory, GTX 1660 Ti 6GB has 6 GB usable. "
        "Nearest that does: the VAE in tiles (type: memory.vae_tiling=true)"
    )


def test_where_nothing_helps_that_is_said():
    line = told("hardware=gtx1660ti_6gb", "hardware.memory_gb=0.1")
    assert line.startswith("Does not fit: ") and line.endswith("fits either: choose another model or card.")


def test_of_several_kinds_the_first_that_does_not_fit_is_named(workdir):
    (workdir / "job.yaml").write_text("prompts: [{prompt: c, num_frames: 9, width: 256, height: 256}, a]\n")
    line = told("hardware=gtx1660ti_6gb", "job=job.yaml", "run.degrade=strict")
    assert "Does not fit: 1 of 2 kinds of clip, such as 720x480, 49 frames, 50 steps: decode needs " in line


def test_too_little_ram_is_said_and_how_much_would_do():
    line = told("hardware=a100_80gb", "memory=leaf_offload", "hardware.ram_gb=3", "run.degrade=strict")
    assert re.match(r"Does not fit: .* of RAM, [\d.]+ (GB|MB) usable of 3 GB\. Nearest that does: ", line), line
