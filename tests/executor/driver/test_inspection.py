"""Workers that have other versions, or another model, than the loop."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vgpipe.config.executor_schema import LocalConfig, RayConfig
from vgpipe.executor.driver import inspection
from vgpipe.executor.driver.inspection import Inspection
from vgpipe.executor.driver.loop import Loop
from vgpipe.executor.workers.messages import ClipEnded, Ending, Ready
from vgpipe.executor.workers.pool import Slot
from vgpipe.fallback.history import PastFallback

SLOT = Slot("desk/cuda:0", "cuda:0", "desk")
ENDED = ClipEnded(clip="a", ending=Ending.DONE, made=PastFallback({}, (8, 8, 1), (), None))


@pytest.fixture
def inspected(monkeypatch):
    """Returns what a driver with torch 2.13 and a model says of a worker, the end of its clip, and the events."""
    monkeypatch.setattr(inspection, "versions_here", lambda: {"torch": "2.13.0"})
    monkeypatch.setattr(inspection, "family_digest", lambda _family: "files")

    def inspect(executor, torch="2.13.0", digest="files"):
        events = []
        inputs = SimpleNamespace(
            config=SimpleNamespace(executor=executor),
            keys=SimpleNamespace(model=SimpleNamespace(family=None)),
            model=SimpleNamespace(plan=SimpleNamespace(config=SimpleNamespace(id="/models/wan"))),
            records=SimpleNamespace(event=lambda kind, **facts: events.append((kind, facts))),
        )
        ready = Ready(device="RTX", host="desk", pid=1, memory_gb=8.0, versions={"torch": torch}, family_digest=digest)
        found = Inspection(inputs)
        return found.refusal(SLOT.name, SLOT, ready), found.noted(SLOT.name, ENDED), events

    return inspect


def test_a_worker_with_the_same_versions_and_model_is_taken(inspected):
    assert inspected(RayConfig()) == ("", ENDED, [])


@pytest.mark.parametrize("executor", [RayConfig(), LocalConfig()])
def test_another_version_is_refused_with_both_named(inspected, executor):
    refusal, _, events = inspected(executor, torch="2.12.0")
    assert "torch 2.12.0 (the driver has 2.13.0)" in refusal and events == []


def test_another_version_that_is_allowed_is_recorded_for_the_run_and_for_each_clip(inspected, caplog):
    refusal, ended, events = inspected(RayConfig(allow_version_skew=True), torch="2.12.0")
    assert refusal == "" and "other versions than the driver" in caplog.text
    (kind, facts), (degradation,) = events[0], ended.degradations
    assert kind == "version_skew" and facts["versions"] == {"torch": {"driver": "2.13.0", "worker": "2.12.0"}}
    assert (degradation.kind, degradation.got) == ("versions", "torch 2.12.0")


def test_other_files_of_the_model_are_refused_whatever_is_allowed(inspected):
    refusal, *_ = inspected(RayConfig(allow_version_skew=True), digest="others")
    assert refusal.startswith("the files of /models/wan on desk are not those")


def test_the_loop_asks_before_it_hands_out_and_records_what_it_allowed(inspected, monkeypatch):
    asked = []
    monkeypatch.setattr(Inspection, "refusal", lambda _self, name, *_: asked.append(name) or "refused")
    monkeypatch.setattr(Inspection, "noted", lambda _self, name, ended: asked.append(ended) or ended)
    loop, retired = object.__new__(Loop), []
    loop._inspection = Inspection(None)
    loop.crew = SimpleNamespace(slot=lambda _name: SLOT, retire=lambda name, reason: retired.append((name, reason)))
    loop.work = SimpleNamespace(has=lambda *_: None)
    loop._joined(SLOT.name, None)
    loop._ended(SLOT.name, ENDED)
    assert retired == [(SLOT.name, "refused")] and asked == [SLOT.name, ENDED]
