from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.config.load import load
from vgpipe.executor.worker_count import Wanted, wanted_slots
from vgpipe.executor.workers.pool import Slot
from vgpipe.hardware import host
from vgpipe.hardware.records import Device
from vgpipe.job.segments import segments_of
from vgpipe.plans import profiles, worker_devices
from vgpipe.plans.inputs import clips_to_plan
from vgpipe.plans.planning import plan_of
from vgpipe.units import GIB


def test_slots_are_numbered_on_a_cpu_and_ram_is_that_of_the_plan(workdir, monkeypatch):
    monkeypatch.setattr(profiles, "cached_profile", MadeUpProfiles())
    monkeypatch.setattr(worker_devices, "threads_at_once", lambda: 4)
    monkeypatch.setattr(worker_devices, "MAX_TRIAL_S", 1e9)
    monkeypatch.setattr(host, "available_ram_bytes", lambda: 100 * GIB)
    (workdir / "job.yaml").write_text("prompts: [{prompt: a, seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9]}]\n")
    size = ("clip.width=256", "clip.height=256", "clip.num_frames=9")
    config = load(["model=cogvideox_5b", "job=job.yaml", "memory=resident", "hardware=cpu", *size])
    plan, clips = plan_of(config), clips_to_plan(config)[0]
    pending = [SimpleNamespace(segments=segments_of(clip)) for clip in clips]
    four = tuple(Slot(f"cpu-{number}", "cpu") for number in (1, 2, 3, 4))
    assert wanted_slots(config, pending, plan) == Wanted(four, "cpu", needs_trial=True)
    need = plan.shapes[0].chosen.ram_bytes
    monkeypatch.setattr(host, "available_ram_bytes", lambda: int(2.5 * need))
    assert wanted_slots(config, pending, plan_of(config)) == Wanted(four[:2], "cpu", needs_trial=True)
    assert not wanted_slots(config, pending[:1], plan).are_several
    assert not wanted_slots(config, pending, None).are_several  # nothing says what RAM holds


@pytest.mark.parametrize("plan", ["off", "enforce"])
def test_more_workers_than_gpus_are_refused_before_the_start(render, workdir, monkeypatch, plan):
    gpus = (Device(index=0, kind="cuda", name="RTX 3060"), Device(index=1, kind="cuda", name="RTX 3060"))
    monkeypatch.setattr(worker_devices, "usable_accelerators", lambda _notes: gpus)
    (workdir / "job.yaml").write_text("prompts: [a, b, c]\n")
    ran = render("job=job.yaml", "executor.workers=3", f"run.plan={plan}")
    assert ran.code == 2 and "3 workers, each with a GPU of its own" in ran.err and not list(workdir.glob("outputs/*"))
