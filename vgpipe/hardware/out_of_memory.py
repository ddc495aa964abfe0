"""Tells whether an error says that memory ran out, whichever library, device or driver said so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vgpipe.errors import OutOfMemory

CLASSES = frozenset({"OutOfMemoryError", "MemoryError", "_ArrayMemoryError"})  # torch's, Python's, NumPy's
SAID = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|cudaErrorMemoryAllocation"
    r"|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|UR_RESULT_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY",
    re.IGNORECASE,
)
HOST = "DefaultCPUAllocator"  # torch's, for tensors in RAM


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tells whether an error, or what caused it, says that memory of the device or the host ran out.

    Args:
        error: of any library; None is none.

    Returns:
        True for the errors made for it (Python's, NumPy's, torch's, this package's own), and for those that torch
        raises as a plain RuntimeError with the allocator's or the driver's words.
    """
    return any(_says_so(one) for one in chain(error))


def is_of_host(error: BaseException | None) -> bool:
    """Tells whether it was RAM that ran out, for an error that says that memory did.

    Args:
        error: one that `is_out_of_memory` knows.
    """
    return any(isinstance(one, MemoryError) or HOST in str(one) for one in chain(error))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error and what caused it, and during the handling of what it was raised, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, None if one.__suppress_context__ else one.__context__]


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OutOfMemory | MemoryError) or type(error).__name__ in CLASSES:
        return True
    # An OSError or a parser's error may say "memory" too; torch's allocators and drivers raise RuntimeError.
    return isinstance(error, RuntimeError) and SAID.search(str(error)) is not None
