from __future__ import annotations

import logging
import re

import pytest

from vgpipe.executor.progress import Progress, ProgressState


def test_plain_lines_tell_stage_clip_seconds_and_time_left(caplog):
    caplog.set_level(logging.INFO, logger="vgpipe")
    progress = Progress({"encode": 0, "denoise": 2, "decode": 0, "export": 0}, clips=2, done=0)
    progress.advance("denoise", 3.0, "red-circle")
    assert re.search(r"denoise red-circle 3.00 s \(0/2 clips, 50%, ETA 0:03 at \d\d:\d\d\)", caplog.text)


def test_a_canary_is_measured_as_what_it_stands_for_and_counts_as_no_work():
    states: list[ProgressState] = []
    progress = Progress(
        {"encode": 0, "denoise": 3, "decode": 0, "export": 0}, clips=2, done=0, on_progress=states.append
    )
    progress.begin("denoise", "canary-16x16x5", is_canary=True)
    progress.step(2, 2)
    progress.tried("denoise", 1.0, "canary-16x16x5", typical_s=10.0)
    assert progress.eta.mean_s("denoise") == 10.0
    assert {state.fraction for state in states} == {0.0} and states[-1].pieces == 3 and states[-1].eta_s == 30.0


def test_a_listener_gets_what_runs_now_and_when_it_will_be_done():
    states: list[ProgressState] = []
    progress = Progress(
        {"encode": 0, "denoise": 2, "decode": 0, "export": 0}, clips=3, done=1, on_progress=states.append
    )
    progress.begin("denoise", "red-circle", segment=(1, 2))
    progress.step(1, 4)
    first = states[-1]
    assert (first.stage, first.clip, first.segment, first.segments) == ("denoise", "red-circle", 1, 2)
    assert (first.step, first.steps, first.eta_s, first.finish_at) == (1, 4, None, None)
    progress.advance("denoise", 8.0, "red-circle")
    progress.begin("denoise", "blue-square")
    progress.step(1, 4)
    last = states[-1]
    assert last.eta_s == 6.0 and last.finish_at.tzinfo is not None
    assert (last.pieces_done, last.pieces, last.clips_done, last.clips) == (1, 2, 1, 3)
    assert [state.fraction for state in states] == sorted(state.fraction for state in states)
    assert last.fraction == pytest.approx((8 + 2) / 16)


def test_a_listener_hears_what_is_loaded():
    states: list[ProgressState] = []
    progress = Progress({"denoise": 2}, clips=2, done=0, on_progress=states.append)
    progress.begin("denoise", "red-circle")
    for part in ("transformer", ""):
        progress.loading(part)
    assert [(state.clip, state.loading) for state in states[-2:]] == [("red-circle", "transformer"), ("red-circle", "")]


def test_work_that_falls_away_does_not_count_as_done():
    states: list[ProgressState] = []
    progress = Progress(
        {"encode": 0, "denoise": 2, "decode": 2, "export": 2}, clips=2, done=0, on_progress=states.append
    )
    for stage in ("denoise", "decode", "export"):
        progress.drop(stage)
    assert states[-1].fraction == 0.0 and (states[-1].pieces_done, states[-1].pieces) == (0, 3)


def test_a_listener_that_raises_is_reported_once_and_dropped(caplog):
    calls: list[ProgressState] = []

    def broken(state: ProgressState) -> None:
        calls.append(state)
        raise RuntimeError("the window is closed")

    progress = Progress({"denoise": 2}, clips=2, done=0, on_progress=broken)
    for _ in range(2):
        progress.advance("denoise", 1.0, "red-circle")
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(calls) == 1 and [record.getMessage() for record in warned] == [
        "the progress is no longer reported: RuntimeError: the window is closed"
    ]
