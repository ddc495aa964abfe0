"""What the host has, under what its cgroup allows."""

from __future__ import annotations

import sys

import psutil
import pytest

from vgpipe.hardware import cgroup, host
from vgpipe.hardware.cgroup import CgroupMemory
from vgpipe.units import GIB


def test_ram_is_under_the_cgroups_limit_and_room(monkeypatch):
    monkeypatch.setattr(host, "ram_bytes", lambda: (64 * GIB, 32 * GIB))
    monkeypatch.setattr(cgroup, "read", lambda: CgroupMemory(16 * GIB, 2 * GIB))
    assert (host.total_ram_bytes(), host.available_ram_bytes()) == (16 * GIB, 2 * GIB)
    monkeypatch.setattr(cgroup, "read", CgroupMemory)
    assert (host.total_ram_bytes(), host.available_ram_bytes()) == (64 * GIB, 32 * GIB)
    monkeypatch.setattr(host, "ram_bytes", lambda: (None, None))
    assert (host.total_ram_bytes(), host.available_ram_bytes()) == (None, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_the_kernels_figures_are_read(monkeypatch, tmp_path):
    figures = {"MemTotal": 1000, "MemAvailable": 400}
    zeros = dict.fromkeys(("MemFree", "Buffers", "Cached", "Shmem", "Active", "Inactive"), 0)
    text = "".join(f"{name}:  {size} kB\n" for name, size in (figures | zeros).items())
    (tmp_path / "meminfo").write_text(f"{text}HugePages_Total:   0\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert host.ram_bytes() == (1_024_000, 409_600)


def test_a_system_that_hides_its_figures_leaves_them_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: (tmp_path / "absent").read_text())
    assert host.ram_bytes() == (None, None)


def test_the_cores_are_those_that_this_process_may_use(monkeypatch):
    assert 1 <= host.cores() <= psutil.cpu_count()
    if hasattr(psutil.Process, "cpu_affinity"):
        monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: [2, 5, 7])
        assert host.cores() == 3
        monkeypatch.delattr(psutil.Process, "cpu_affinity")
    assert host.cores() == psutil.cpu_count()


def test_the_processor_and_the_disk(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD Ryzen 7\nmodel name\t: AMD Ryzen 7\n")
    monkeypatch.setattr(host, "CPUINFO", tmp_path / "cpuinfo")
    assert host.cpu_name() == "AMD Ryzen 7"
    assert host.disk_free_bytes(tmp_path / "not/made/yet") > 0
