from __future__ import annotations

import pytest

from vgpipe import hardware
from vgpipe.hardware import free_memory_bytes, pick_device


def test_a_named_device_is_taken_as_it_is():
    assert pick_device("cpu") == "cpu" and pick_device("cuda") == "cuda"


@pytest.mark.parametrize(("cuda", "mps", "expected"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_takes_the_best_there_is(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(cuda))
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: bool(mps))
    assert pick_device("auto") == expected


def test_free_memory_is_under_the_cgroup_limit(monkeypatch, tmp_path):
    (tmp_path / "max").write_text("1000000\n")
    (tmp_path / "current").write_text("400000\n")
    monkeypatch.setattr(hardware, "CGROUP_LIMITS", (tmp_path / "absent", tmp_path / "max"))
    monkeypatch.setattr(hardware, "CGROUP_USES", (tmp_path / "current",))
    assert free_memory_bytes("cpu") == 600_000


def test_no_cgroup_limit_leaves_the_machines_memory(monkeypatch, tmp_path):
    (tmp_path / "max").write_text("max\n")
    monkeypatch.setattr(hardware, "CGROUP_LIMITS", (tmp_path / "max",))
    assert free_memory_bytes("cpu") > 1 << 20
