from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.garbage.scene import Scene
from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.as_json import summary
from vgpipe.plans.as_text import as_text
from vgpipe.plans.disk_room import with_garbage_counted
from vgpipe.plans.inputs import clips_to_plan, planned_model
from vgpipe.plans.planning import make_plan
from vgpipe.plans.refusal import refuse_what_cannot_fit
from vgpipe.plans.target import target_of
from vgpipe.units import GIB, MIB


@pytest.fixture
def planned(monkeypatch, workdir):
    """Plans some clips on a disk with so much room, whose store has 2 MiB of garbage."""
    monkeypatch.setenv("VGPIPE_CACHE", str(workdir / "cache"))
    monkeypatch.setattr(plan_profiles, "cached_profile", MadeUpProfiles())
    scene = Scene(workdir)
    scene.make("gone", "decode")
    with (scene.path("gone", "decode") / "data").open("r+b") as file:
        file.truncate(2 * MIB)
    scene.age(scene.path("gone", "decode"), 90 * 86_400)
    config = load(["model=cogvideox_5b", "hardware=a100_80gb", "clip.num_frames=49"])

    def plan(free_bytes, clips=1):
        target = target_of(config.hardware, for_run=False)
        target = replace(target, tier=replace(target.tier, disk_gb=None if free_bytes is None else free_bytes / GIB))
        model = planned_model(config, target)
        made = make_plan(model.config, model.family, list(clips_to_plan(config)[0]) * clips, target, download_bytes=0)
        return with_garbage_counted(made, Path(config.store.dir))

    return plan, config


def test_a_plan_says_what_gc_would_free(planned):
    from datetime import datetime

    plan, _ = planned
    roomy = plan(100 * GIB)
    assert roomy.notes == () and summary(roomy)["gc_frees_gib"] > 0.001
    assert "python -m vgpipe gc frees 2 MB" in as_text(roomy, datetime.now(), 100)
    assert plan(None).gc_frees_bytes is None and summary(plan(None))["gc_frees_gib"] is None


def test_a_job_that_is_too_large_for_the_disk_is_noted_with_it(planned):
    plan, _ = planned
    needed = plan(100 * GIB).disk_bytes()
    many = plan(needed, clips=40)
    assert many.fits and [note.partition(": ")[2] for note in many.notes] == ["python -m vgpipe gc frees 2.0 MiB"]


def test_a_clip_that_is_too_large_for_the_disk_is_refused_with_it(planned):
    plan, config = planned
    with pytest.raises(ConfigError, match=r"of disk, 1\.0 MiB free.* -> .*python -m vgpipe gc frees 2\.0 MiB"):
        refuse_what_cannot_fit(plan(MIB), config)
