from __future__ import annotations

import pytest

from vgpipe.executor.progress_state import WorkerNow
from vgpipe.runs.bar_lines import BAR, Pace, name_width, now_line

NAME = "a-small-red-triangle-moving-left-slowly-on-a-white-background-d59068fa"
SHAPES = [
    {"step": 3, "steps": 50},
    {"loading": "transformer"},
    {},
    {"segment": 2, "segments": 12, "step": 3, "steps": 50},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(shape, width):
    line = now_line(WorkerNow(stage="denoise", clip=NAME, **shape), Pace(), width)
    assert len(line.replace(BAR, "")) < width and "d59068fa" in line


@pytest.mark.parametrize("shape", SHAPES[:3])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_of_a_worker_is_wider_than_the_terminal(shape, width):
    worker = "ip-10-0-0-12.eu-west-1.compute.internal/cuda:0"
    now = WorkerNow(name=worker, stage="denoise", clip=NAME, **shape)
    pace = Pace()
    pace.note(now)
    line = now_line(now, pace, width, name_width([worker, "cpu-1"], width))
    assert len(line.replace(BAR, "")) < width and "l/cuda:0 denoise" in line


@pytest.mark.parametrize(("device", "shown"), [("", "starting"), ("AMD EPYC", "waiting")])
def test_a_worker_without_work_starts_or_waits(device, shown):
    now, pace = WorkerNow(name="cpu-1", device=device), Pace()
    pace.note(now)
    assert now_line(now, pace, 80, 6) == f"  cpu-1  {shown}"


def test_news_of_another_worker_is_no_pace(monkeypatch):
    pace = Pace()
    for now_s, step in ((10.0, 1), (14.0, 3), (20.0, 3)):
        monkeypatch.setattr("time.monotonic", lambda now_s=now_s: now_s)
        pace.note(WorkerNow(stage="denoise", clip="fox", step=step, steps=8))
    assert pace.shown() == " 2.0 s/step"
