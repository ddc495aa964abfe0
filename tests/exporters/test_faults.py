"""Random clips, random faults: something playable every time (benchmarks/export_faults.py does it a thousand times)."""

from __future__ import annotations

import importlib.util
import os
import random
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "export_faults.py"
    spec = importlib.util.spec_from_file_location("export_faults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(os.name == "nt", reason="the fake ffmpeg is a shell script")
@pytest.mark.parametrize("seed", range(6))
def test_ten_exports_end_playable(benchmark, tmp_path, monkeypatch, seed):
    monkeypatch.setenv("VGPIPE_FFMPEG", "")
    monkeypatch.setattr("vgpipe.exporters.encoder_chain.PAUSE_S", 0.0)
    dice = random.Random(seed)
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        made, is_playable = benchmark.one(dice, tmp_path / str(number))
        assert is_playable, made
