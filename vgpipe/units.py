"""Figures as people read them: sizes in GiB, counts with their noun, times."""

from __future__ import annotations

from datetime import datetime, timedelta

GIB, MIB = 1 << 30, 1 << 20
DAY = timedelta(days=1)
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


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun: `1 clip`, `2 clips`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clock(seconds: float) -> str:
    """Returns `m:ss`, or `h:mm:ss` from one hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def finish_time(moment: datetime, now: datetime) -> str:
    """Returns when a run ends: `14:05`; from a day on with the weekday, from six days on with the date."""
    if moment - now < DAY:
        return f"{moment:%H:%M}"
    return f"{moment:%a %H:%M}" if moment - now < 6 * DAY else f"{moment:%a %d %b %H:%M}"
