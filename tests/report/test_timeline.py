"""Lanes of the chart of a run's stages."""

from __future__ import annotations

from vgpipe.report.timeline import timeline


def done(time, stage, seconds=1.0):
    return {"time": time, "event": "stage_done", "stage": stage, "clip": "a", "seconds": seconds}


def test_exports_lie_beside_the_stages_they_overlap_with():
    events = [{"time": 10.0, "event": "run_started"}, done(12.0, "denoise", 2.0), done(13.0, "export", 2.5)]
    found = timeline(events)
    assert found["stages"] == ["denoise", "export"] and found["bars"] == [(0, 0.0, 2.0), (1, 0.5, 2.5)]


def test_lanes_are_in_the_order_of_the_work():
    stages = ("warm-up", "export", "encode", "decode", "denoise", "export")
    found = timeline(done(float(at), stage) for at, stage in enumerate(stages, start=1))
    assert found["stages"] == ["encode", "denoise", "decode", "export", "warm-up"]
    assert [found["stages"][lane] for lane, _, _ in found["bars"]] == list(stages)
