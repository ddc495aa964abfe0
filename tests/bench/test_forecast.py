from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from vgpipe.bench import forecast as module
from vgpipe.bench.asked import asked
from vgpipe.bench.forecast import forecast
from vgpipe.bench.opening import opened
from vgpipe.bench.rows import Row, Rows
from vgpipe.config.load import load

NOW = datetime(2026, 1, 1, 12, 0)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    def plan_of(config, lines):
        steps = config.clip.num_inference_steps
        return SimpleNamespace(seconds=lambda: (8 * steps, 16 * steps), clips=8, shapes=(), crew=None)

    monkeypatch.setattr(module, "plan_of", plan_of)
    wanted = asked(["steps=[8]", "clips=4"])
    return opened(wanted, load(["hardware=cpu"]), tmp_path)


def test_it_says_what_is_measured_and_how_long_that_takes(bench, tmp_path):
    told = forecast(bench, Rows(tmp_path), NOW)
    assert "3 settings, 4 clips each; the full run is steps=20, the baseline steps=2" in told
    assert "4 clips of the job left out: clips=8 takes all" in told
    assert "about 2-4 min, done about 12:02-12:04" in told  # 4 clips of 30 steps, 1 to 2 s each


def test_what_is_measured_takes_no_time(bench, tmp_path):
    rows = Rows(tmp_path)
    for clip in range(4):
        rows.add(Row(setting="steps=20", clip=clip, is_compared=clip != 3))
    told = forecast(bench, rows, NOW)
    assert "3 of 12 are measured already" in told and "1-2 min" in told


def test_without_a_plan_there_is_no_forecast(bench, tmp_path):
    config = bench.bench.config
    unplanned = replace(config, run=replace(config.run, plan="off"))
    assert "about" not in forecast(replace(bench, bench=replace(bench.bench, config=unplanned)), Rows(tmp_path), NOW)
