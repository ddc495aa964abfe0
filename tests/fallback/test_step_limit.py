"""Memory that runs out again and again is given up after so many steps, whatever the next step would be."""

from __future__ import annotations

from vgpipe.errors import OutOfMemory
from vgpipe.fallback import memory_ladder
from vgpipe.models.families.wan import WanFamily

ENDLESS = 40


def test_an_endless_out_of_memory_is_given_up(render, monkeypatch):
    steps = []

    def same_again(rung, *_args, **_kwargs):
        steps.append(rung)
        return rung if len(steps) < ENDLESS else None

    def never_fits(*_args, **_kwargs):
        raise OutOfMemory("there is no room -> a larger device")

    monkeypatch.setattr(memory_ladder, "next_rung", same_again)
    monkeypatch.setattr(WanFamily, "denoise", never_fits)
    ran = render("clip.prompt=a red circle", "executor.canary=false", "run.plan=off")
    assert ran.code == 1 and "there is no room" in ran.records()[0]["error"]
    assert 3 < len(steps) < ENDLESS
