from __future__ import annotations

import pytest

from vgpipe.memory.allocation import rounded_up


@pytest.mark.parametrize(
    ("size_bytes", "taken_bytes"), [(0, 0), (1, 512), (0.5, 512), (511, 512), (512, 512), (512.25, 1024), (513, 1024)]
)
def test_every_allocation_takes_whole_units_of_512_bytes(size_bytes, taken_bytes):
    assert rounded_up(size_bytes) == taken_bytes
