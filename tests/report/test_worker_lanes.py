from __future__ import annotations

from vgpipe.report.worker_lanes import MAX_LANES, WorkerLanes


def _ready(name, **facts):
    return {"event": "worker_ready", "worker": name, **facts}


def test_a_worker_that_is_started_again_has_one_lane():
    lanes = WorkerLanes()
    lanes.note(_ready("cuda:0", device="RTX 4090"), 1.0)
    lanes.note({"event": "clip_done", "worker": "cuda:0", "clip": "fox"}, 2.0)
    lanes.note({"event": "worker_died", "worker": "cuda:0", "reason": "node is gone"}, 3.0)
    lanes.note(_ready("cuda:0", device="RTX 4090"), 5.0)
    lanes.end(9.0)
    assert [one["clips"] for one in lanes.values()] == [1]
    assert [one["spans"] for one in lanes.values()] == [[(1.0, 3.0, "died", "node is gone"), (5.0, 9.0, "", "")]]


def test_work_that_is_not_done_is_of_this_moment_or_lost():
    def stage(kind, worker="cuda:0", name="denoise"):
        return {"event": f"stage_{kind}", "worker": worker, "stage": name}

    lanes = WorkerLanes()
    lanes.note(_ready("cuda:0"), 1.0)
    lanes.note(stage("began"), 2.0)
    lanes.note(stage("done"), 9.0)
    lanes.note(stage("began", name="encode"), 9.0)
    lanes.note(stage("began"), 9.1)  # its text was in the store
    lanes.note({"event": "worker_died", "worker": "cuda:0"}, 12.0)
    lanes.note(stage("began", worker="cuda:1"), 13.0)
    assert [one["unfinished"] for one in lanes.values()] == [[("denoise", 9.1, 12.0)], [("denoise", 13.0, None)]]


def test_a_worker_that_never_came_up_is_marked():
    lanes = WorkerLanes()
    lanes.note({"event": "worker_retired", "worker": "cuda:1", "reason": "other versions"}, 2.0)
    assert lanes.values()[0]["spans"] == [(2.0, 2.0, "retired", "other versions")]


def test_the_summary_counts_devices_machines_and_ends():
    lanes = WorkerLanes()
    assert lanes.summary() == ""
    for number in range(5):
        lanes.note(
            _ready(f"node-{number}/cuda:0", device="4090" if number < 3 else "3060", host=f"h{number // 2}"), 0.0
        )
    lanes.note({"event": "worker_died", "worker": "node-1/cuda:0"}, 1.0)
    assert lanes.summary() == "5 on 3 machines (3 x 4090, 2 x 3060); 1 died"


def test_what_is_wrong_in_events_is_left_out():
    lanes = WorkerLanes()
    for name in (None, 7, "", ["a"], {"a": 1}):
        assert lanes.note({"event": "worker_ready", "worker": name}, 0.0) is None
    lanes.note(_ready("x" * 500, device=7, host=None), 0.0)
    assert [(len(one["name"]), one["device"], one["host"]) for one in lanes.values()] == [(80, "", "")]


def test_only_so_many_lanes_are_drawn():
    lanes = WorkerLanes()
    for number in range(100):
        lanes.note(_ready(f"w-{number}"), 0.0)
    assert lanes.count == 100 and len(lanes.values()) == MAX_LANES == len(lanes.order())
