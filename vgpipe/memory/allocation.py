"""What an allocation takes on a device, as CUDA's caching allocator rounds it."""

from __future__ import annotations

ALLOCATION_BYTES = 512


def rounded_up(size_bytes: float) -> int:
    """Returns the bytes that an allocation of `size_bytes` takes; fractions of bytes count as whole ones."""
    return int(-(-size_bytes // ALLOCATION_BYTES)) * ALLOCATION_BYTES
