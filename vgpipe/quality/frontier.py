"""Which settings are worth their time: quality against a full run and a baseline, its interval, and the frontier.

Pure arithmetic: what is compared, and by which measure, is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from statistics import fmean, stdev

MIN_PAIRS = 2
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""The 97.5 % quantiles of Student's distribution for 1, 2, 3, ... degrees of freedom."""
Z_975 = 1.95996


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the bounds between which the true one lies in 95 of 100 repetitions.

    Attributes:
        mean: the estimate.
        low: lower bound.
        high: upper bound.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """A setting as the frontier sees it.

    Attributes:
        name: of the setting.
        seconds: what a clip takes.
        quality: higher is better.
    """

    name: str
    seconds: float
    quality: float


def kept(setting: Sequence[float], baseline: Sequence[float], full: Sequence[float]) -> Interval | None:
    """Returns which share of what the full run adds over the baseline a setting keeps.

    That is (setting - baseline) / (full run - baseline), of the means. Its interval is Student's, over the prompts, of
    the first-order expansion of that ratio (the delta method), so that what a prompt does to all three cancels.

    Args:
        setting: the measure of each prompt's clip.
        baseline: of the same prompts, made with the fewest steps.
        full: of the same prompts, made in full.

    Returns:
        The share, 1 for the full run and 0 for the baseline; None for fewer than two prompts, and where the full run is
        no better than the baseline, so that the measure tells nothing.
    """
    rows = [row for row in zip(setting, baseline, full, strict=True) if all(map(isfinite, row))]
    if len(rows) < MIN_PAIRS:
        return None
    gain = fmean(whole - low for _, low, whole in rows)
    if gain <= 0:
        return None
    share = fmean(one - low for one, low, _ in rows) / gain
    rest = [(one - low) - share * (whole - low) for one, low, whole in rows]
    half = t_975(len(rows) - 1) * stdev(rest) / sqrt(len(rows)) / gain
    return Interval(share, share - half, share + half)


def mean_of(values: Sequence[float]) -> Interval | None:
    """Returns a mean and Student's interval; None for fewer than two values."""
    if len(values) < MIN_PAIRS:
        return None
    middle = fmean(values)
    half = t_975(len(values) - 1) * stdev(values) / sqrt(len(values))
    return Interval(middle, middle - half, middle + half)


def speed_up(seconds: Sequence[float], full_seconds: Sequence[float]) -> Interval | None:
    """Returns how many times as fast as the full run a setting is: the geometric mean over the prompts.

    Args:
        seconds: of each prompt's clip.
        full_seconds: of the same prompts, made in full.

    Returns:
        The ratio; None for fewer than two prompts or without times.
    """
    pairs = [(one, whole) for one, whole in zip(seconds, full_seconds, strict=True) if one > 0 and whole > 0]
    found = mean_of([log(whole / one) for one, whole in pairs])
    return None if found is None else Interval(exp(found.mean), exp(found.low), exp(found.high))


def frontier(points: Iterable[Point]) -> frozenset[str]:
    """Returns the names of the settings that no other beats: none is as fast and better, or as good and faster."""
    names: set[str] = set()
    best = float("-inf")
    for point in sorted(points, key=lambda one: (one.seconds, -one.quality)):
        if point.quality > best:
            names.add(point.name)
            best = point.quality
    return frozenset(names)


def t_975(freedom: int) -> float:
    """Returns the 97.5 % quantile of Student's distribution.

    Args:
        freedom: degrees of freedom, from 1.
    """
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    # Cornish and Fisher's expansion: from 31 degrees of freedom on it is right in the third decimal.
    z = Z_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
