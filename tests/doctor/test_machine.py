"""Lines about devices and memory."""

from __future__ import annotations

import pytest

from vgpipe.doctor.lines import Status
from vgpipe.doctor.machine import _limit_line, device_lines, worker_lines
from vgpipe.doctor.probes import Answer

GPU = {
    "index": 0,
    "kind": "cuda",
    "name": "NVIDIA GeForce RTX 3060",
    "total_memory_gb": 12.0,
    "free_memory_gb": 11.1,
    "bf16": True,
    "fp16": True,
    "fp8": False,
    "driver": "550.90",
    "usable": True,
}

CPU = GPU | {"kind": "cpu", "name": "a processor", "driver": None}

TORCH = {"version": "2.8.0", "build": "CUDA 12.8", "device": "cuda", "reason": "", "gpus": [], "numpy": ""}


def _devices(gpu, error=""):
    torch = Answer(ok=True, value=TORCH | {"gpus": [{"name": gpu["name"], "error": error}]})
    return device_lines(Answer(ok=True, value={"devices": [gpu]}), torch)[0]


def test_a_gpu_that_works():
    line = _devices(GPU)
    assert (line.name, line.status) == ("cuda:0", Status.OK)
    assert line.found == "NVIDIA GeForce RTX 3060, 12.0 GiB (11.1 GiB free), bf16 fp16, driver 550.90"


def test_a_gpu_that_this_build_has_no_kernels_for_is_broken():
    line = _devices(GPU, "CUDA error: no kernel image is available for execution on the device")
    assert line.status is Status.BROKEN and "no kernel image" in line.found and "pytorch.org" in line.remedy


def test_a_gpu_that_a_cpu_build_cannot_use_is_a_warning():
    line = _devices(GPU | {"usable": False})
    assert line.status is Status.WARNING and "cannot use it" in line.found and "pytorch.org" in line.remedy


def test_a_cgroup_limit_below_the_ram_is_a_warning():
    assert _limit_line(8 << 30, 6 << 30, 32 << 30).found.startswith("8.0 GiB, 6.0 GiB left")
    assert _limit_line(None, None, 32 << 30).status is Status.OK


@pytest.mark.parametrize(
    ("devices", "threads", "told"),
    [
        ([GPU, GPU | {"index": 1}, CPU], 8, "2 with executor.workers=auto: cuda:0, cuda:1"),
        ([GPU, GPU | {"index": 1, "usable": False}, CPU], 8, "1 with executor.workers=auto: cuda:0"),
        ([CPU], 4, "1 to 4 with executor.workers=auto: RAM, and a trial when a run starts, decide"),
        ([CPU], 1, "1 with executor.workers=auto: the CPU has one thread"),
    ],
)
def test_the_workers_of_a_run_are_one_for_each_gpu_or_share_the_cpu(devices, threads, told):
    machine, memory = Answer(ok=True, value={"devices": devices}), Answer(ok=True, value={"threads": threads})
    assert [line.found for line in worker_lines(machine, memory)] == [told]
    assert worker_lines(Answer(ok=False), memory) == []
