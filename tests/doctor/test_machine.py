"""Lines about devices and memory."""

from __future__ import annotations

from vgpipe.doctor.lines import Status
from vgpipe.doctor.machine import _limit_line, device_lines
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
