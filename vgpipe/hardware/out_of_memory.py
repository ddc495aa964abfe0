"""Recognizes out-of-memory errors of every library, device and driver."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vgpipe.errors import OutOfMemory

CLASSES = frozenset({"OutOfMemoryError", "MemoryError", "_ArrayMemoryError"})  # torch's, Python's, NumPy's
MESSAGES = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|cudaErrorMemoryAllocation"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|UR_RESULT_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY",
    re.IGNORECASE,
)
HOST_ALLOCATOR = "DefaultCPUAllocator"  # torch's, for tensors in RAM


def is_out_of_memory(error: BaseException | None) -> bool:
    """Returns whether an error, or its cause, says that memory of the device or the host ran out.

    Args:
        error: from any library; None: no error.

    Returns:
        True for the dedicated errors of Python, NumPy, torch and this package, and for a plain RuntimeError of torch
        that quotes the allocator or the driver.
    """
    return any(_is_memory_error(linked) for linked in chain(error))


def is_of_host(error: BaseException | None) -> bool:
    """Returns whether an out-of-memory error is about RAM rather than the device's memory.

    Args:
        error: one for which `is_out_of_memory` is true.
    """
    return any(isinstance(linked, MemoryError) or HOST_ALLOCATOR in str(linked) for linked in chain(error))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error, its causes and its contexts, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        linked = waiting.pop()
        if linked is None or id(linked) in seen:
            continue
        seen.add(id(linked))
        yield linked
        waiting += [linked.__cause__, None if linked.__suppress_context__ else linked.__context__]


def _is_memory_error(error: BaseException) -> bool:
    if isinstance(error, OutOfMemory | MemoryError) or type(error).__name__ in CLASSES:
        return True
    # An OSError or a parser's error may say "memory" too; torch's allocators and drivers raise RuntimeError.
    return isinstance(error, RuntimeError) and MESSAGES.search(str(error)) is not None
