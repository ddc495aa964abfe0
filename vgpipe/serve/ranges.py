"""The part of a file that a browser asks for (RFC 9110, section 14): iOS plays no video without it."""

from __future__ import annotations

import re
from dataclasses import dataclass

RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file.

    Attributes:
        start: its first byte.
        stop: the byte after its last one.
    """

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class UnsatisfiableRange(ValueError):
    """A range begins behind the end of the file."""


def span_of(header: str | None, size: int) -> Span | None:
    """Returns the part of a file that a `Range` header asks for.

    Args:
        header: its value; None where there is none.
        size: of the file, bytes.

    Returns:
        None where the whole file is the answer: without a header, and with one that is malformed, in another unit, or
        of several ranges, all of which a server may ignore.

    Raises:
        UnsatisfiableRange: where no byte of the file is in the range.
    """
    found = RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:  # the last bytes of the file
        span = Span(max(0, size - int(last)), size)
    else:
        if last and int(last) < int(first):
            return None
        span = Span(int(first), min(size, int(last) + 1) if last else size)
    if span.start >= span.stop:
        raise UnsatisfiableRange
    return span
