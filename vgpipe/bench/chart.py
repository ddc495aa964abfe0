"""Where the points of a bench lie in its chart: time to the right, quality upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vgpipe.bench.results import Result
from vgpipe.bench.table import share

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 62, 24, 18, 46
TICKS = (1, 2, 2.5, 5, 10)
MARGIN = 0.06
BESIDE_PX, PX_PER_LETTER = 9, 7


@dataclass(frozen=True, slots=True)
class Dot:
    """One setting in the chart; pixels from the top left."""

    x: float
    y: float
    low_y: float
    high_y: float
    name: str
    told: str
    is_on_frontier: bool

    @property
    def text_anchor(self) -> str:
        """At which end its name stands: to the left of the dot where it would leave the chart."""
        return "end" if self.x > WIDTH - RIGHT - PX_PER_LETTER * len(self.name) else "start"

    @property
    def text_x(self) -> float:
        """Where its name stands."""
        return self.x + (-BESIDE_PX if self.text_anchor == "end" else BESIDE_PX)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the page draws."""

    dots: tuple[Dot, ...]
    line: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def chart(found: Sequence[Result], by: str) -> Chart | None:
    """Lays the chart out.

    Args:
        found: the settings.
        by: the measure that is drawn.

    Returns:
        The chart; None where fewer than two settings have a time and a share.
    """
    drawn = [one for one in found if one.seconds and by in one.kept]
    if len(drawn) < 2:
        return None
    across = _scale([one.seconds or 0.0 for one in drawn], at_least=(0.0,))
    shares = [bound for one in drawn for bound in (one.kept[by].low, one.kept[by].high)]
    up = _scale([min(1.3, max(-0.3, value)) for value in shares], at_least=(0.0, 1.0))
    x, y = _Axis(across, LEFT, WIDTH - RIGHT), _Axis(up, HEIGHT - BOTTOM, TOP)
    dots = tuple(_dot(one, by, x, y) for one in drawn)
    best = sorted((dot for dot in dots if dot.is_on_frontier), key=lambda dot: dot.x)
    return Chart(
        dots=dots,
        line=" ".join(f"{dot.x:.1f},{dot.y:.1f}" for dot in best),
        across=tuple(Tick(x.at(value), f"{value:g}") for value in across),
        up=tuple(Tick(y.at(value), f"{value:.0%}") for value in up),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    ticks: Sequence[float]
    start: float
    stop: float

    def at(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        inside = min(high, max(low, value))
        return round(self.start + (inside - low) / (high - low) * (self.stop - self.start), 1)


def _dot(one: Result, by: str, x: _Axis, y: _Axis) -> Dot:
    kept, seconds = one.kept[by], one.seconds or 0.0
    return Dot(
        x=x.at(seconds),
        y=y.at(kept.mean),
        low_y=y.at(kept.low),
        high_y=y.at(kept.high),
        name=one.setting.name,
        told=f"{one.setting.name}: {seconds:.2f} s per clip, keeps {share(kept)}",
        is_on_frontier=one.is_on_frontier,
    )


def _scale(values: Sequence[float], at_least: Sequence[float]) -> list[float]:
    """Returns round numbers, equally far apart, that enclose values."""
    low, high = min(*values, *at_least), max(*values, *at_least)
    room = (high - low) * MARGIN
    step = _round_step((high - low + room) / 6)
    first, last = math.floor(low / step + 1e-9), math.ceil((high + room) / step - 1e-9)
    return [round(step * number, 10) for number in range(first, last + 1)]


def _round_step(step: float) -> float:
    power = 10 ** math.floor(math.log10(max(step, 1e-9)))
    return next(one * power for one in TICKS if one * power >= step)
