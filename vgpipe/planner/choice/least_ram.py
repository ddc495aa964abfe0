"""The rule of choice: of the ways that are as fast as forecasts can tell, the one that needs the least RAM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vgpipe.planner.forecast_records import Forecast
from vgpipe.units import GIB

RESOLVED_SHARE = 1 / 16
"""Of a range of time, as a share of its width in logarithms: half of what counts as no difference, a middle eighth."""
LEAST_RESOLVED, MOST_RESOLVED = 1.05, 1.10
"""Bounds of that: no forecast tells 5 % from nothing, and however wide a range is, 10 % is a difference to people."""
AS_LITTLE_RAM, AS_LITTLE_RAM_BYTES = 1.05, GIB
"""RAM within 5 % or 1 GiB is the same: 24 of 30 stages that were measured lay within 5 %, and the libraries of a device
are an assumption of half a GiB."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way that fits.

    Attributes:
        way: its forecast.
        seconds: to compare ways by; None where a rate is not known.
        span: least and most seconds of the forecast; None where a rate is not known.
        rank: how much it moves: the sum of its stages' places in the list of strategies.
    """

    way: Forecast
    seconds: float | None
    span: tuple[float, float] | None
    rank: int


def preferred(candidates: Iterable[Candidate]) -> Candidate | None:
    """Returns the way to take: of those that are as fast as the fastest, one that needs the least RAM.

    Of several that need as little, the one that moves the least weights, then the fastest. Where a time is not known,
    what moves the least comes first, and RAM decides only between equals.

    Args:
        candidates: ways that fit.

    Returns:
        One of them; None where there is none.
    """
    known = list(candidates)
    if not known:
        return None
    if any(one.seconds is None for one in known):
        return min(known, key=lambda one: (one.rank, one.way.ram_bytes))
    as_fast = _as_fast(known)
    least = min(one.way.ram_bytes for one in as_fast)
    enough = max(least * AS_LITTLE_RAM, least + AS_LITTLE_RAM_BYTES)
    return min((one for one in as_fast if one.way.ram_bytes <= enough), key=lambda one: (one.rank, one.seconds or 0.0))


def resolution(span: tuple[float, float] | None) -> float:
    """Returns the factor within which times do not differ from one whose forecast is a range.

    Args:
        span: least and most seconds.

    Returns:
        1.05 to 1.1.
    """
    if span is None or span[0] <= 0:
        return LEAST_RESOLVED
    return min(max((span[1] / span[0]) ** RESOLVED_SHARE, LEAST_RESOLVED), MOST_RESOLVED)


def _as_fast(known: list[Candidate]) -> list[Candidate]:
    fastest = min(known, key=lambda one: one.seconds or 0.0)
    limit = (fastest.seconds or 0.0) * resolution(fastest.span)
    return [one for one in known if (one.seconds or 0.0) <= limit]
