"""Binary sizes: the GiB that every figure of memory and disk is given in."""

from __future__ import annotations

GIB, MIB = 1 << 30, 1 << 20
SMALLEST_SHOWN_GIB = 0.1


def to_gib(size_bytes: float, digits: int | None = None) -> float:
    """Returns a size in GiB.

    Args:
        size_bytes: the size.
        digits: decimals to round to; None does not round.
    """
    size_gib = size_bytes / GIB
    return size_gib if digits is None else round(size_gib, digits)


def format_size(size_bytes: float) -> str:
    """Returns a size as people read it: `12.3 GiB`, or `45.6 MiB` below a tenth of a GiB."""
    if size_bytes >= SMALLEST_SHOWN_GIB * GIB:
        return f"{size_bytes / GIB:.1f} GiB"
    return f"{size_bytes / MIB:.1f} MiB"
