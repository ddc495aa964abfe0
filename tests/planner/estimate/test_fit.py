"""Whether a forecast fits a device, and why not."""

from __future__ import annotations

from dataclasses import replace

from tests.planner.estimate.test_forecast import planned, stage
from tests.planner.profiles import CARD, HOST
from vgpipe.planner.estimate.fit import CONTEXT_BYTES
from vgpipe.planner.estimate.host_memory import PROCESS_BYTES
from vgpipe.units import GIB


def test_what_is_alive_and_the_context_must_fit_and_what_is_reserved_may_be_tight():
    decode_gb = 1800 / 1024 + CONTEXT_BYTES["cuda"] / GIB
    too_small = planned("staged", replace(CARD, memory_gb=decode_gb - 0.5))
    assert not too_small.fits
    assert "denoise needs 2.8 GiB of device memory, 1.7 GiB usable" in too_small.refusals[0]
    enough = planned("block_offload", replace(CARD, memory_gb=decode_gb + 0.01))
    assert enough.fits
    assert enough.warnings[0].startswith("tight: the allocator may reserve ")
    assert f" in decode, {decode_gb + 0.01:.1f} GiB usable" in enough.warnings[0]
    plenty = planned("block_offload", replace(CARD, memory_gb=8))
    assert plenty.fits
    assert plenty.warnings == ()


def test_on_a_cpu_everything_alive_is_ram():
    found = planned("staged", HOST)
    denoise = stage(found, "denoise")
    assert denoise.ram_bytes == denoise.allocated_bytes + PROCESS_BYTES
    refused = planned("staged", replace(HOST, ram_gb=2.5))
    assert "denoise needs 2.8 GiB of RAM, 2.5 GiB usable" in refused.refusals[0]
    # A limit on a CPU's memory is one of tensors: libraries are not held against it.
    limited = planned("staged", replace(HOST, memory_gb=2.0))
    assert "denoise needs 2.4 GiB of RAM for tensors, 2.0 GiB usable" in limited.refusals[0]
    assert planned("staged", replace(HOST, memory_gb=2.5)).fits


def test_ram_and_disk_are_held_too():
    assert "GiB of RAM" in planned("model_offload", replace(CARD, ram_gb=2.0)).refusals[0]
    assert planned("staged", replace(CARD, disk_gb=0.001)).refusals[0].endswith("MiB of disk, 1.0 MiB free")
    assert planned("disk_offload", replace(CARD, disk_gb=1.0)).refusals
    assert planned("staged", replace(CARD, disk_gb=1.0)).fits
