from __future__ import annotations

import psutil
import pytest

from vgpipe.hardware import cgroup, cpu_threads, host


@pytest.fixture
def eight_cores(monkeypatch):
    """A processor of four cores with two threads each, no quota, and an environment that says nothing."""
    for name in cpu_threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(host, "cores", lambda: 8)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 8 if logical else 4)
    monkeypatch.setattr(cgroup, "cores", lambda: None)


def test_torch_takes_a_thread_for_each_physical_core(eight_cores, monkeypatch):
    assert (cpu_threads.default_threads(), cpu_threads.threads_at_once()) == (4, 4)
    monkeypatch.setattr(host, "cores", lambda: 2)  # the process may run on two of them
    assert cpu_threads.default_threads() == 2


@pytest.mark.parametrize(("text", "threads"), [("1", 1), ("3,2", 3), ("", 4), ("many", 4), ("0", 4)])
def test_the_environment_counts_first(eight_cores, monkeypatch, text, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert cpu_threads.default_threads() == threads


@pytest.mark.parametrize(("quota", "threads"), [(2.5, 2), (0.5, 1), (64.0, 4)])
def test_no_more_work_at_once_than_the_quota_allows(eight_cores, monkeypatch, quota, threads):
    monkeypatch.setattr(cgroup, "cores", lambda: quota)
    assert cpu_threads.threads_at_once() == threads
