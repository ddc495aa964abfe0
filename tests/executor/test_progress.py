from __future__ import annotations

import logging
import re

import pytest

from vgpipe.executor.piece_sizes import PieceSizes
from vgpipe.executor.progress import Progress
from vgpipe.executor.progress_state import ProgressState


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


def _of_workers(clips: int) -> tuple[Progress, list[ProgressState]]:
    states: list[ProgressState] = []
    remaining = {"encode": 0, "denoise": clips, "decode": 0, "export": clips}
    progress = Progress(remaining, clips=clips, done=0, on_progress=states.append)
    for name in ("cpu-10", "cpu-2"):
        progress.worker_joined(name, "cpu")
    return progress, states


def test_each_worker_has_its_own_now_and_the_latest_news_is_shown():
    progress, states = _of_workers(4)
    progress.begin("denoise", "fox", worker="cpu-2")
    progress.step(1, 4, worker="cpu-2")
    progress.begin("denoise", "owl", segment=(1, 2), worker="cpu-10")
    progress.loading("transformer", worker="cpu-10")
    progress.step(2, 4, worker="cpu-2")
    last = states[-1]
    assert (last.clip, last.step) == ("fox", 2)
    assert [(one.name, one.device, one.clip, one.step, one.segment, one.loading) for one in last.workers] == [
        ("cpu-2", "cpu", "fox", 2, None, ""),
        ("cpu-10", "cpu", "owl", None, 1, "transformer"),
    ]
    progress.step(2, 4, worker="cpu-10")
    assert states[-1].fraction == pytest.approx(1.0 / (4 + 4 * 0.05), rel=0.01)  # two halves of a denoising


def test_work_is_shared_by_how_fast_each_worker_has_been():
    progress, states = _of_workers(10)
    for name, seconds, made in (("cpu-2", 10.0, 3), ("cpu-10", 30.0, 1)):
        for _ in range(made):
            progress.begin("denoise", "fox", worker=name)
            progress.advance("denoise", seconds, "fox", worker=name)
            progress.advance("export", 0.0, "fox", worker=name)
            progress.begin("", worker=name)
    assert states[-1].eta_s == pytest.approx(50.0, rel=0.01)  # 5 clips in 50 s, 1 in 30 s; both free
    progress.worker_left("cpu-10")
    assert states[-1].eta_s == pytest.approx(60.0, rel=0.01) and [one.name for one in states[-1].workers] == ["cpu-2"]
    progress.worker_left("cpu-2")
    assert states[-1].eta_s is None and states[-1].workers == ()


def test_the_last_clip_is_not_shared():
    progress, states = _of_workers(2)
    for name in ("cpu-2", "cpu-10"):
        progress.begin("denoise", "fox", worker=name)
    progress.advance("denoise", 20.0, "fox", worker="cpu-2")
    progress.advance("export", 1.0, "fox", worker="cpu-2")
    progress.begin("", worker="cpu-2")
    progress.step(2, 4, worker="cpu-10")
    assert states[-1].eta_s == pytest.approx(11.0)


def test_steps_of_several_workers_are_not_mixed_up(monkeypatch):
    progress, _ = _of_workers(2)
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    for name in ("cpu-2", "cpu-10"):
        progress.begin("denoise", "fox", worker=name)
    for step in (1, 2):
        for name in ("cpu-2", "cpu-10"):
            now_s += 1.0
            progress.step(step, 10, worker=name)
    assert progress.eta.typical_s("denoise") == 20.0  # 2 s a step on each


def test_a_worker_that_is_gone_is_not_shown_again_and_what_it_made_counts(caplog):
    caplog.set_level(logging.INFO, logger="vgpipe")
    progress, states = _of_workers(2)
    progress.worker_left("cpu-2")
    progress.advance("denoise", 3.0, "fox", worker="cpu-2")
    assert [one.name for one in states[-1].workers] == ["cpu-10"] and states[-1].pieces_done == 1
    assert "[cpu-2] denoise fox 3.00 s (0/2 clips" in caplog.text


def test_the_estimate_of_many_workers_holds_for_a_while(monkeypatch):
    progress, states = _of_workers(1000)
    for number in range(100):
        progress.worker_joined(f"node-{number}/cuda:0", "H100")
    made: list[int] = []
    monkeypatch.setattr("vgpipe.executor.progress.shared_s", lambda *_: made.append(1) or 7.0)
    monkeypatch.setattr("time.monotonic", lambda: 1e6)
    for number in range(100):
        progress.begin("denoise", "fox", worker=f"node-{number}/cuda:0")
        progress.advance("denoise", 5.0, "fox", worker=f"node-{number}/cuda:0")
    assert len(made) <= 1 and states[-1].workers[-1].clip == "fox"


def test_a_long_clip_that_goes_first_does_not_make_the_others_long():
    states: list[ProgressState] = []
    sizes = PieceSizes({"denoise": {"long": 2.0, "short": 0.5}})
    remaining = {"encode": 0, "denoise": 3, "decode": 0, "export": 0}
    progress = Progress(remaining, clips=3, done=0, on_progress=states.append, sizes=sizes)
    progress.begin("denoise", "long")
    progress.step(1, 2)
    assert states[-1].fraction == pytest.approx(1 / 3)
    progress.advance("denoise", 20.0, "long")
    assert states[-1].eta_s == pytest.approx(10.0) and states[-1].fraction == pytest.approx(2 / 3)
    progress.drop("denoise")
    assert states[-1].eta_s == pytest.approx(5.0)


def test_what_a_checkpoint_has_spared_is_not_taken_for_speed():
    states: list[ProgressState] = []
    progress = Progress({"denoise": 2}, clips=2, done=0, on_progress=states.append)
    progress.begin("denoise", "fox")
    progress.step(17, 20)
    progress.advance("denoise", 4.0, "fox")
    assert states[-1].eta_s == pytest.approx(20.0)
