from __future__ import annotations

import pytest

from vgpipe.memory.budget import enforced
from vgpipe.memory.tracker import measured
from vgpipe.units import GIB


def test_the_peak_of_a_block_is_its_own_and_not_the_process_highest():
    with measured("cpu") as large:
        block = bytearray(300 << 20)
        block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
        del block
    with measured("cpu") as small:
        pass
    assert small.ram_gb is not None and large.ram_gb is not None
    assert large.ram_gb - small.ram_gb > 0.2
    assert small.vram_gb is None


def test_the_peak_is_told_when_the_block_fails():
    with pytest.raises(MemoryError), measured("cpu") as peak:
        raise MemoryError
    assert peak.ram_gb is not None


def test_what_a_budget_counted_is_the_devices_peak_to_the_byte():
    import torch

    with measured("cpu") as peak, enforced("cpu", 1):
        tensor = torch.zeros(1000)
        del tensor
        torch.zeros(100)
    assert peak.device_gb == 4096 / GIB  # 4000 bytes in blocks of 512


def test_without_a_budget_nothing_is_counted():
    with measured("cpu") as peak, enforced("cpu", None) as live:
        pass
    assert live is None and peak.device_gb is None
