"""Makes the system's allocator return large tensors as soon as they are freed, so that RAM holds live ones only."""

from __future__ import annotations

import ctypes
from contextlib import suppress

from vgpipe.units import MIB

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE_BYTES = MIB
"""The size from which a tensor has pages of its own. Smaller ones share the heap, whose gaps are not returned."""


def return_large_tensors() -> bool:
    """Gives every large tensor pages of its own from now on, in the whole process; on Linux with glibc only.

    By default glibc raises its threshold, up to 32 MiB, with every larger block that is freed. The activations of a VAE
    then lie on its heap, which grows to several times what is alive at once.

    Returns:
        Whether the allocator accepted the setting.
    """
    with suppress(OSError, AttributeError, TypeError):  # no glibc
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))
    return False
