"""Figures of a plan in words: sizes, spans of time, when it will be finished."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec

GIB = 1 << 30
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
LEAST_S = 0.01
Span = tuple[float, float]


def gib(size_bytes: float) -> str:
    """Returns bytes in GiB, `11.80`; below a hundredth `0.004`."""
    size = size_bytes / GIB
    return f"{size:.2f}" if size >= 0.01 or size == 0 else f"{size:.2g}"


def tera(operations: float) -> str:
    """Returns operations in units of 10^12, three digits."""
    value = operations / 1e12
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def size(size_bytes: float) -> str:
    """Returns bytes as a size, `11.8 GiB`, `31.2 MiB`."""
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB / 10 else f"{size_bytes * 1024 / GIB:.1f} MiB"


def seconds(span: Span | None) -> str:
    """Returns a span of time, `40-65 s`, `3.5-6 min`, `2-3.1 h`; `?` where no rate is known."""
    if span is None:
        return "?"
    if span[1] < LEAST_S:
        return f"under {LEAST_S:g} s"
    unit, name = next(((length, text) for limit, length, text in _UNITS if span[1] < limit), (DAY_S, "days"))
    low, high = (_digits(value / unit) for value in span)
    return f"{low} {name}" if low == high else f"{low}-{high} {name}"


_UNITS = ((2 * MINUTE_S, 1.0, "s"), (2 * HOUR_S, MINUTE_S, "min"), (4 * DAY_S, HOUR_S, "h"))


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{max(value, LEAST_S):.2g}"


def finishing(span: Span | None, now: datetime) -> str:
    """Returns when work that begins now is done, `07:10-09:30`; with the day where that is more than a day away."""
    if span is None:
        return "unknown"
    first, last = (now + timedelta(seconds=value) for value in span)
    if last - now < timedelta(days=1):
        return f"{first:%H:%M}" if f"{first:%H:%M}" == f"{last:%H:%M}" else f"{first:%H:%M}-{last:%H:%M}"
    return f"{first:%a %d %b %H:%M} to {last:%a %d %b %H:%M}"


def added(spans: Iterable[Span | None]) -> Span | None:
    """Returns the sum of spans; None where one of them is not known."""
    low = high = 0.0
    for span in spans:
        if span is None:
            return None
        low, high = low + span[0], high + span[1]
    return low, high


def times(span: Span | None, count: float) -> Span | None:
    """Returns a span so many times; None stays None."""
    return None if span is None else (span[0] * count, span[1] * count)


def clip_seconds(forecast: Forecast) -> Span | None:
    """Returns the time that one clip takes, loading left out."""
    return added(stage.seconds for stage in forecast.stages)


def shape(spec: ClipSpec) -> str:
    """Returns `720x480, 49 frames, 50 steps`."""
    image = ", from an image" if spec.from_image else ""
    return f"{spec.width}x{spec.height}, {spec.num_frames} frames, {spec.num_inference_steps} steps{image}"


def stage_strategy(forecast: Forecast, stage: StageForecast) -> str:
    """Returns where a stage's components live."""
    return (stage.strategy or forecast.strategy).value


def strategy(forecast: Forecast) -> str:
    """Returns a forecast's strategy, stage by stage where they differ: `leaf_offload/staged/staged`."""
    found = [stage_strategy(forecast, stage) for stage in forecast.stages]
    return found[0] if len(set(found)) == 1 else "/".join(found)


def tiling(forecast: Forecast) -> str:
    """Returns how the VAE works: `whole`, `tiles`, `tiles of 128`."""
    if not forecast.vae_tiling:
        return "whole"
    return f"tiles of {forecast.vae_tile_size}" if forecast.vae_tile_size else "tiles"


def weights(forecast: Forecast) -> str:
    """Returns the components whose weights are stored in fewer bits, `transformer int8`; `native` where none is."""
    found = [f"{name} {way}" for name, way in sorted(forecast.weights.items()) if way != "native"]
    return ", ".join(found) or "native"


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Returns rows as lines of equal columns; the first row is the head.

    Args:
        rows: of equal length.
        left: columns that begin at the left; the others, numbers, end at the right.
    """
    columns = range(len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in columns]
    lines = [[_cell(row[column], widths[column], column in (*left, columns[-1])) for column in columns] for row in rows]
    return ["  ".join(cells).rstrip() for cells in lines]


def _cell(text: str, width: int, is_left: bool) -> str:
    return text.ljust(width) if is_left else text.rjust(width)


def counted(count: int, what: str) -> str:
    """Returns a count with its noun: `1 clip`, `2 clips`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
