"""Plans of several workers, on machines that the tests do not have, with a model made up for the purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.clips.clip_state import ClipState
from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.executor.worker_count import wanted_slots
from vgpipe.executor.workers.pool import Slot
from vgpipe.hardware.capability import cuda_capability
from vgpipe.hardware.probes import cpu_device
from vgpipe.hardware.records import Device
from vgpipe.planner.estimate.calibration import NAME
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans import target as target_module
from vgpipe.plans import worker_devices
from vgpipe.plans.as_json import as_json
from vgpipe.plans.as_text import as_text
from vgpipe.plans.crew_planning import with_crew
from vgpipe.plans.inputs import clips_to_plan
from vgpipe.plans.plan_file import write_measured, write_plan
from vgpipe.plans.planning import plan_of
from vgpipe.plans.refusal import refuse_what_cannot_fit
from vgpipe.store.rundir import RunDir
from vgpipe.units import GIB

NOW = datetime(2026, 1, 31, 12, 0)
SIZE = "clip.width=720", "clip.height=480", "clip.num_frames=49"
SMALL = "clip.width=256", "clip.height=256", "clip.num_frames=9"


def card(index: int, name: str, capability: tuple[int, int], free_gb: float) -> Device:
    able = cuda_capability(capability, name)
    return Device(
        index=index, kind="cuda", name=name, total_memory_gb=free_gb + 0.5, free_memory_gb=free_gb,
        compute_capability=capability, bf16=able.bf16, fp16=able.fp16, fp16_is_sound=able.fp16_is_sound,
    )  # fmt: skip


RTX_3060 = card(0, "NVIDIA GeForce RTX 3060", (8, 6), 11.52)
RTX_3080 = card(1, "NVIDIA GeForce RTX 3080", (8, 6), 9.52)
GTX_1660 = card(1, "NVIDIA GeForce GTX 1660 Ti", (7, 5), 5.5)


@pytest.fixture
def machine(monkeypatch, tmp_path, workdir):
    """A machine with such GPUs, or none, so much free RAM, and a job of ten clips."""
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plan_profiles, "cached_profile", MadeUpProfiles())
    monkeypatch.setattr(target_module, "measured_rates", lambda *_given: {"float32": 1.0, "bfloat16": 1.0, "copy": 9.0})
    monkeypatch.setattr(worker_devices, "threads_at_once", lambda: 4)
    (workdir / "job.yaml").write_text("prompts: [{prompt: a, seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}]\n")

    def with_(*gpus: Device, ram_gb: float = 200.0):
        ram = int(ram_gb * GIB)
        monkeypatch.setattr(target_module.host, "available_ram_bytes", lambda: ram)
        monkeypatch.setattr(worker_devices, "usable_accelerators", lambda _notes: gpus)
        here = gpus[0] if gpus else replace(cpu_device(), free_memory_gb=ram_gb)
        monkeypatch.setattr(target_module, "current_device", lambda *_given: here)

    return with_


@cache  # composing takes longer than planning
def loaded(*overrides: str):
    return load(["model=cogvideox_5b", "job=job.yaml", *overrides])


def config_of(*overrides: str, workers: int | str = "auto"):
    config = loaded(*overrides)
    return replace(config, executor=replace(config.executor, workers=workers))


def seconds(plan) -> float:
    return plan.seconds()[1]


def test_a_second_card_of_the_kind_halves_the_time(machine):
    machine(RTX_3060)
    one = plan_of(config_of(*SIZE))
    machine(RTX_3060, replace(RTX_3060, index=1, free_memory_gb=11.58))
    two = plan_of(config_of(*SIZE))
    assert one.crew is None and [member.name for member in two.crew.members] == ["cuda:0", "cuda:1"]
    assert two.crew.members[0].plan is two.crew.members[1].plan, "a tenth of a GiB makes no other card"
    assert seconds(two) == pytest.approx(seconds(one) / 2, rel=0.05)
    assert plan_of(config_of(*SIZE, workers=1)).crew is None


def test_unequal_cards_share_by_speed(machine):
    machine(RTX_3060, RTX_3080)
    plan = plan_of(config_of(*SMALL))
    alone = [member.plan.seconds() for member in plan.crew.members]
    rates = sum(1 / span[1] for span in alone)
    assert 1 / rates <= seconds(plan) < min(span[1] for span in alone)


def test_a_kind_that_one_card_lacks_goes_to_the_other(machine, workdir):
    (workdir / "job.yaml").write_text("prompts: [{prompt: a, num_frames: 1}, {prompt: b, num_frames: 17}]\n")
    machine(replace(RTX_3080, index=0, free_memory_gb=6.0), replace(RTX_3060, index=1))
    config = config_of("run.degrade=strict")
    plan = plan_of(config)
    refuse_what_cannot_fit(plan, config)
    large = max(plan.shapes, key=lambda shape: shape.spec.num_frames)
    assert [member.name for member in plan.crew.holders(large.spec)] == ["cuda:1"] and plan.fits
    small_card, large_card, none = (plan.crew.plan_of(name) for name in ("cuda:0", "cuda:1", "cuda:2"))
    assert not small_card.fits and large_card.fits and none is None


def test_what_fits_no_card_is_refused_by_the_names_of_all(machine):
    machine(replace(RTX_3080, index=0, free_memory_gb=2.0), replace(RTX_3060, index=1, free_memory_gb=3.0))
    config = config_of(*SIZE, "run.degrade=strict")
    plan = plan_of(config)
    with pytest.raises(ConfigError) as told:
        refuse_what_cannot_fit(plan, config)
    assert len(wanted_slots(config, [None] * 10, plan).slots) == 2
    names = "fits none of: NVIDIA GeForce RTX 3080 (cuda:0), 2.0 GiB; NVIDIA GeForce RTX 3060 (cuda:1), 3.0 GiB;"
    assert names in str(told.value) and "(10 clips)" in str(told.value) and "-> fits with " in str(told.value)


def test_a_card_without_the_models_precision_takes_nothing(machine):
    machine(RTX_3060, replace(GTX_1660, free_memory_gb=11.5))
    plan = plan_of(config_of(*SMALL, workers=2))
    assert plan.dtype == "bfloat16" and [member.holds_any for member in plan.crew.members] == [True, False]
    assert "does not compute bfloat16" in plan.crew.members[1].plan.shapes[0].why
    wanted = wanted_slots(config_of(*SMALL, workers=2), [None] * 10, plan)
    assert wanted.slots == (Slot("cuda:0", "cuda:0"),) and wanted.are_several, "this process might take the other"
    same = plan_of(config_of(*SMALL, "model.dtype=float32", workers=2))
    assert all(member.holds_any for member in same.crew.members)


def test_ram_bounds_the_workers_of_auto_and_is_shared_by_those_asked_for(machine):
    cards = RTX_3060, replace(RTX_3060, index=1)
    machine(*cards)
    blocks = *SIZE, "memory=block_offload"  # in RAM, pinned where there is room for that
    need_gb = plan_of(config_of(*blocks)).crew.members[0].ram_bytes / GIB
    machine(*cards, ram_gb=1.5 * need_gb)
    assert plan_of(config_of(*blocks)).crew is None
    asked = plan_of(config_of(*blocks, workers=2))
    assert asked.crew.ram_bytes <= 1.5 * need_gb * GIB and any("tight: 2 workers share" in note for note in asked.notes)
    config = config_of(*SMALL, "memory=model_offload", "run.degrade=strict", workers=2)
    with pytest.raises(
        ConfigError, match=r"fit 2 workers; nothing.*\n.*: 2 workers share .* each: .* -> executor\.workers=1"
    ):
        refuse_what_cannot_fit(plan_of(config), config)


def test_a_cpu_is_shared_and_a_trial_decides(machine):
    machine(ram_gb=200)
    worker_devices.MAX_TRIAL_S, before = 1e9, worker_devices.MAX_TRIAL_S
    config = config_of(*SMALL, "memory=resident")
    try:
        plan = plan_of(config)
        text = as_text(plan, NOW)
    finally:
        worker_devices.MAX_TRIAL_S = before
    alone = plan_of(config_of(*SMALL, "memory=resident", workers=1))
    assert plan.crew.needs_trial and len(plan.crew.members) == 4
    assert plan.seconds() == (alone.seconds()[0] / 4, alone.seconds()[1])
    assert "workers      1 to 4 on this CPU, as a trial at the start decides; at most" in text
    two = plan_of(config_of(*SMALL, "memory=resident", workers=2))
    assert not two.crew.needs_trial and two.seconds()[0] == alone.seconds()[0] / 2


@pytest.mark.parametrize(("known", "workers"), [({4: 1.0, 2: 1.2, 1: 1.5}, 4), ({4: 1.0, 1: 4.0}, 0)])
def test_a_trial_of_before_decides_at_once(machine, monkeypatch, known, workers):
    machine(ram_gb=200)
    monkeypatch.setattr(worker_devices, "MAX_TRIAL_S", 1e9)
    config = config_of(*SMALL, "memory=resident")
    alone = plan_of(config_of(*SMALL, "memory=resident", workers=1))
    plan = with_crew(alone, config, clips_to_plan(config)[0], lambda _target: 1 / 0, lambda _plan: known)
    found = (0, None) if plan.crew is None else (len(plan.crew.members), plan.crew.threads)
    assert found == (workers, 1 if workers else None)
    if workers:
        assert not plan.crew.needs_trial and alone.seconds()[1] / seconds(plan) > 1.8


def test_two_of_a_card_that_is_not_here_are_planned(machine):
    machine()
    one, two = (plan_of(config_of(*SIZE, "hardware=rtx3060_12gb", workers=count)) for count in (1, 2))
    assert seconds(two) == pytest.approx(seconds(one) / 2, rel=0.05)
    assert plan_of(config_of(*SIZE, "hardware=rtx3060_12gb")).crew is None


def test_each_worker_is_told_with_what_it_holds(machine):
    machine(RTX_3060, GTX_1660)
    plan = plan_of(config_of(*SMALL, "model.dtype=float32"))
    text = as_text(plan, NOW)
    assert "workers      2; " in text and "GB RAM together, 200 GB free" in text
    assert "NVIDIA GeForce GTX 1660 Ti  5.5 GB  every clip" in text
    workers = json.loads(as_json([plan]))["plans"][0]["workers"]
    assert workers["count"] == 2 and workers["needs_trial"] is False and workers["denoise_threads"] is None
    assert [one["worker"] for one in workers["members"]] == ["cuda:0", "cuda:1"]
    (held,) = workers["members"][1]["holds"]
    assert held["fits"] and held["as_requested"] and held["seconds"][0] < held["seconds"][1]
    assert json.loads(as_json([plan_of(config_of(*SMALL, workers=1))]))["plans"][0]["workers"] is None


@pytest.mark.parametrize(("gpus", "line"), [((), {"ratio": None}), ((RTX_3060, RTX_3080), None)])
def test_workers_that_share_cores_teach_no_rate_and_unlike_cards_nothing(machine, tmp_path, gpus, line):
    machine(*gpus)
    config = config_of(*SMALL, "memory=resident" if not gpus else "memory=auto", workers=2)
    plan, (clip, *_) = plan_of(config), clips_to_plan(config)[0]
    state = ClipState(clip, [None])
    state.segments[0].seconds["denoise"] = 5.0
    with RunDir(tmp_path / "run") as run_dir:
        write_plan(run_dir, plan)
        write_measured(run_dir, plan, [state])
    noted = tmp_path / "cache" / NAME
    found = json.loads(noted.read_text()) if noted.exists() else None
    assert found == line if line is None else found["ratio"] is line["ratio"]
