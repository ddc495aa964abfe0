"""Lanes of the chart of a run's stages."""

from __future__ import annotations

from vgpipe.report.timeline import timeline


def done(time, stage, seconds=1.0):
    return {"time": time, "event": "stage_done", "stage": stage, "clip": "a", "seconds": seconds}


def test_exports_lie_beside_the_stages_they_overlap_with():
    events = [{"time": 10.0, "event": "run_started"}, done(12.0, "denoise", 2.0), done(13.0, "export", 2.5)]
    found, _ = timeline(events)
    assert found["stages"] == ["denoise", "export"] and found["bars"] == [(0, 0.0, 2.0), (1, 0.5, 2.5)]


def test_lanes_are_in_the_order_of_the_work():
    stages = ("warm-up", "export", "encode", "decode", "denoise", "export")
    found, _ = timeline(done(float(at), stage) for at, stage in enumerate(stages, start=1))
    assert found["stages"] == ["encode", "denoise", "decode", "export", "warm-up"]
    assert [found["stages"][lane] for lane, _, _ in found["bars"]] == list(stages)


def test_a_run_is_paused_until_it_continues_or_starts_again():
    kinds = ("run_started", "paused", "stage_done", "continued", "paused", "attempt_started", "paused", "run_started")
    events = [{"time": float(at), "event": kind} for at, kind in enumerate(kinds)]
    found = [timeline(events[:count])[0]["paused"] for count in range(1, len(kinds) + 1)]
    assert found == [False, True, True, False, True, False, True, False]


def test_the_clip_that_was_finished_last_is_named():
    made = [
        {"time": at, "event": kind, "clip": clip}
        for at, kind, clip in ((1.0, "clip_done", "a"), (2.0, "clip_drafted", "b"))
    ]
    later = [{"time": 3.0, "event": "clip_failed", "clip": "c"}, {"time": 4.0, "event": "clip_done", "clip": 7}]
    assert timeline([])[0]["last"] is None
    assert timeline([*made, *later])[0]["last"] == ["b", 2.0]


def test_the_time_between_attempts_is_not_that_of_the_run():
    times = {"run_started": (10.0, 1000.0, 5000.0), "stage_done": (30.0, 1005.0, 5003.0), "run_ended": (40.0, 5004.0)}
    events = sorted(
        ({"time": at, "event": kind} for kind, all_of in times.items() for at in all_of), key=lambda e: e["time"]
    )
    assert timeline([])[0]["seconds"] == 0
    assert timeline(events)[0]["seconds"] == 30 + 5 + 4  # the second attempt was killed
    assert timeline(events[:4])[0]["seconds"] == 30


def worker(time, kind, name, **facts):
    return {"time": time, "event": f"worker_{kind}", "worker": name, **facts}


def test_each_worker_has_a_lane_and_its_stages_colours():
    events = [
        {"time": 10.0, "event": "run_started"},
        worker(11.0, "ready", "cpu-10", device="Xeon", host="a"),
        worker(11.0, "ready", "cpu-2", device="Xeon", host="a"),
        {"time": 12.0, "event": "part_loaded", "part": "vae", "seconds": 0.5, "worker": "cpu-2"},
        {"time": 12.0, "event": "threads_tried", "seconds": 0.25, "worker": "cpu-10"},
        {**done(14.0, "denoise", 2.0), "worker": "cpu-2"},
        {**done(15.0, "denoise", 3.0), "worker": "cpu-10"},
        worker(16.0, "died", "cpu-10", reason="killed by SIGKILL"),
        {"time": 18.0, "event": "run_ended", "reason": "finished"},
    ]
    found, about = timeline(events)
    assert about == "2 (Xeon); 1 died" and found["stages"] == ["loading", "thread tuning", "denoise"]
    assert found["bars"] == [(0, 1.5, 0.5, 0), (1, 1.75, 0.25, 1), (2, 2.0, 2.0, 0), (2, 2.0, 3.0, 1)]
    assert [(one["name"], one["spans"]) for one in found["workers"]] == [
        ("cpu-2", [(1.0, 8.0, "", "")]),
        ("cpu-10", [(1.0, 6.0, "died", "killed by SIGKILL")]),
    ]


def test_a_run_without_workers_has_a_lane_for_each_stage():
    load = {"time": 1.0, "event": "part_loaded", "part": "vae", "seconds": 0.5}
    found, about = timeline([{"time": 0.0, "event": "run_started"}, load, done(2.0, "denoise")])
    assert (about, found["workers"], found["stages"], found["bars"]) == ("", [], ["denoise"], [(0, 1.0, 1.0)])


def test_a_killed_attempt_ends_its_workers():
    events = [
        {"time": 0.0, "event": "run_started"},
        worker(1.0, "ready", "cpu-1"),
        {**done(4.0, "denoise"), "worker": "cpu-1"},
        {"time": 90.0, "event": "run_started"},
        worker(91.0, "ready", "cpu-1"),
    ]
    found, _ = timeline(events)
    assert [one["spans"] for one in found["workers"]] == [[(1.0, 4.0, "", ""), (91.0, None, "", "")]]
