"""Checks that a safetensors file is whole by its header alone, so that a truncated download shows before any wait."""

from __future__ import annotations

import json
from pathlib import Path

from vgpipe.errors import ModelError

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 100_000_000  # the format's own limit


def check_complete(path: Path, component: str) -> None:
    """Compares a safetensors file's size with what its header announces.

    Args:
        path: the file.
        component: whose weights it holds; named in the error.

    Raises:
        ModelError: where it is truncated, or no safetensors file at all.
    """
    remedy = "copy or download it again"
    try:
        announced = LENGTH_BYTES + _announced_bytes(path)
        actual = path.stat().st_size
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{component}: {path} is not a safetensors file ({error}) -> {remedy}") from None
    if actual != announced:
        kind = "truncated" if actual < announced else "too long"
        raise ModelError(f"{component}: {path} is {kind} ({actual:,} of {announced:,} bytes) -> {remedy}")


def _announced_bytes(path: Path) -> int:
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(LENGTH_BYTES), "little")
        if not 0 < header_bytes <= MAX_HEADER_BYTES:
            raise ValueError("it has no header")
        header = json.loads(file.read(header_bytes))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return header_bytes + max(ends, default=0)
