"""Has the system's allocator give large tensors back as soon as they are freed, so that RAM holds what is alive."""

from __future__ import annotations

import ctypes
from contextlib import suppress

from vgpipe.units import MIB

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
LARGE_BYTES = MIB
"""From here on a tensor has pages of its own. Smaller ones share the heap, where the gaps between them stay taken."""


def give_back_large_tensors() -> bool:
    """Gives every large tensor pages of its own from now on; changes the process, on Linux with glibc alone.

    glibc does so too, but raises its threshold up to 32 MiB with every larger block that is freed. The activations of a
    VAE then lie on its heap, which grows to several times what is alive at once.

    Returns:
        Whether the allocator took it.
    """
    with suppress(OSError, AttributeError, TypeError):  # no glibc
        return bool(ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES))
    return False
