"""What a run does at this moment, for its page."""

from __future__ import annotations

from vgpipe.report.now import MAX_SHOWN, live_of
from vgpipe.store.rundir import RunDir


def test_the_one_process_of_a_run(tmp_path):
    run_dir = RunDir(tmp_path)
    assert live_of(tmp_path) is None  # before the first news
    facts = {"stage": "denoise", "clip": "a", "segment": 2, "segments": 3, "step": 0, "steps": 20, "loading": ""}
    run_dir.write_progress({"time": 5.04, "fraction": 1.5, "finish_at": "soon", "workers": [], **facts})
    del facts["loading"]
    found = live_of(tmp_path)
    assert found == {"at": 5.0, "fraction": 1.0, "finish_at": None, "workers": [facts], "more_workers": 0}


def test_workers_at_work_come_first_and_further_ones_are_counted(tmp_path):
    idle = [{"name": f"cuda-{number}"} for number in range(MAX_SHOWN + 2)]
    busy = {"name": "cuda-x", "stage": "decode", "clip": 7}
    RunDir(tmp_path).write_progress({"time": 5, "finish_at": 99.0, "workers": [*idle, busy]})
    found = live_of(tmp_path)
    assert found and found["workers"][0] == {"name": "cuda-x", "stage": "decode"}
    assert (len(found["workers"]), found["more_workers"], found["finish_at"]) == (MAX_SHOWN, 3, 99.0)
