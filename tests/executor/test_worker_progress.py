from __future__ import annotations

from vgpipe.executor.progress_state import WorkerNow
from vgpipe.executor.worker_progress import IDLE_S, TrackedWorker

WEIGHTS = {"encode": 0.0, "denoise": 10.0, "decode": 2.0, "export": 1.0}


def _weight(stage: str, clip: str) -> float:
    return WEIGHTS[stage] if clip == "fox" else 0.0


def _at(stage: str, **now: object) -> TrackedWorker:
    worker = TrackedWorker(WorkerNow(name="cpu-1"))
    worker.begin(WorkerNow(name="cpu-1", stage=stage, clip="fox", **now), 0.0, counts=True)
    return worker


def test_what_is_left_of_a_clip_follows_from_its_stage_segment_and_steps():
    assert _at("encode").rest_s(_weight) == 13.0
    assert _at("denoise", step=5, steps=10).rest_s(_weight) == 8.0
    assert _at("decode", segment=2, segments=3).rest_s(_weight) == 15.0
    ended = _at("decode")
    ended.end_piece("decode")
    assert ended.rest_s(_weight) == 1.0
    assert _at("importing libraries").rest_s(_weight) == 0.0


def test_a_worker_without_work_is_idle_only_after_a_while():
    worker = _at("")
    assert not worker.is_idle(IDLE_S)  # it waits for the canaries
    for stage in ("denoise", ""):
        worker.begin(WorkerNow(name="cpu-1", stage=stage), 0.0, counts=True)
    assert not worker.is_idle(IDLE_S / 2) and worker.is_idle(IDLE_S)
    assert not _at("denoise").is_idle(IDLE_S)
