"""The figures of a plan as text: sizes, spans of time, when it finishes; and arithmetic on spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import ceil, sqrt

from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.units import MIB, counted, finish_time, to_gib
from vgpipe.vocabulary import NATIVE

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
SHORTEST_S, SMALLEST_GB = 0.01, 0.1
Span = tuple[float, float]


def gib(size_bytes: float) -> str:
    """Returns bytes in GiB, `11.80`; below a hundredth `0.004`."""
    size = to_gib(size_bytes)
    return f"{size:.2f}" if size >= 0.01 or size == 0 else f"{size:.2g}"


def gb(size_bytes: float) -> str:
    """Returns bytes in GB, 2^30 of them, with one decimal, and two digits below a tenth."""
    size_gb = to_gib(size_bytes)
    return f"{size_gb:.1f}" if size_gb >= 0.1 or not size_gb else f"{size_gb:.2g}"


def size(size_bytes: float) -> str:
    """Returns bytes as a person says them, `17 GB`, `2.8 GB`, `12 MB`; a GB is 2^30 bytes."""
    size_gb = to_gib(size_bytes)
    if round(size_gb, 1) >= SMALLEST_GB:
        return f"{size_gb:.0f} GB" if round(size_gb, 1) >= 10 else f"{size_gb:.1f} GB".replace(".0 GB", " GB")
    return f"{size_bytes / MIB:.0f} MB" if size_bytes >= MIB / 2 else f"{size_bytes / MIB:.1g} MB"


def size_up(size_bytes: float) -> str:
    """Returns what is lacking, `8.1 GB`: rounded up to a tenth, so that it never reads as what there is."""
    return f"{ceil(to_gib(size_bytes) * 10) / 10:g} GB"


def tera(operations: float) -> str:
    """Returns operations in units of 10^12, three digits."""
    value = operations / 1e12
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def seconds(span: Span | None) -> str:
    """Returns a span of time, `40-65 s`, `3.5-6 min`, `50 s to 2 h`; `?` where no rate is known."""
    if span is None:
        return "?"
    if span[1] < SHORTEST_S:
        return f"under {SHORTEST_S:g} s"
    unit, name = _unit(span[1])
    if span[0] < unit and unit > 1:
        less, less_name = _unit(span[0])
        return f"{_digits(span[0] / less)} {less_name} to {_digits(span[1] / unit)} {name}"
    low, high = (_digits(value / unit) for value in span)
    return f"{low} {name}" if low == high else f"{low}-{high} {name}"


def _unit(value: float) -> tuple[float, str]:
    """Returns the unit in which a time is shown: its seconds and its name."""
    return next(((length, text) for limit, length, text in _UNITS if value < limit), (DAY_S, "days"))


_UNITS = ((2 * MINUTE_S, 1.0, "s"), (2 * HOUR_S, MINUTE_S, "min"), (4 * DAY_S, HOUR_S, "h"))


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{max(value, SHORTEST_S):.2g}"


def finishing(span: Span | None, now: datetime) -> str:
    """Returns when work that begins now is done, `07:10-09:30`; with the day where that is more than a day away."""
    if span is None:
        return "unknown"
    first, last = (now + timedelta(seconds=value) for value in span)
    if last - now < timedelta(days=1):
        return f"{first:%H:%M}" if f"{first:%H:%M}" == f"{last:%H:%M}" else f"{first:%H:%M}-{last:%H:%M}"
    return f"{first:%a %d %b %H:%M} to {last:%a %d %b %H:%M}"


def about(span: Span | None, now: datetime) -> str:
    """Returns about when work that begins now is done, and the least and the most: `about 18:40 (17:22-20:41)`."""
    if span is None:
        return "unknown"
    middle = now + timedelta(seconds=sqrt(max(span[0], 0.0) * max(span[1], 0.0)))
    low, high = (finish_time(now + timedelta(seconds=value), now) for value in span)
    if low == high:
        return f"about {low}"
    return f"about {finish_time(middle, now)} ({low}{' to ' if ' ' in high else '-'}{high})"


def hull(spans: Iterable[Span | None]) -> Span | None:
    """Returns the least and the most of spans; None where one of them is not known, or there are none."""
    found = list(spans)
    known = [span for span in found if span is not None]
    if not known or len(known) < len(found):
        return None
    return min(span[0] for span in known), max(span[1] for span in known)


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
    given = "".join(f", {one}" for one in _given(spec))
    steps = f"{spec.num_inference_steps} steps"
    if spec.of_steps is not None:
        steps = f"{'draft of ' * spec.is_draft}{spec.num_inference_steps} of {spec.of_steps} steps"
    return f"{spec.width}x{spec.height}, {spec.num_frames} frames, {steps}{given}"


def _given(spec: ClipSpec) -> Iterator[str]:
    """Yields what a clip is given beside text."""
    if spec.restyles:
        yield "restyling a video"
    elif spec.first_frames > 1:
        yield f"from {spec.first_frames} frames"
    elif spec.from_image and (spec.first_frames or not spec.further_given):
        yield "from an image"
    if spec.last_image:
        yield "to a last image"
    if spec.num_images:
        yield f"with {counted(spec.num_images, 'image')} between"


def stage_strategy(forecast: Forecast, stage: StageForecast) -> str:
    """Returns where a stage's components live."""
    return (stage.strategy or forecast.strategy).value


def strategy(forecast: Forecast) -> str:
    """Returns a forecast's strategy, stage by stage where they differ: `leaf_offload/staged/staged`."""
    found = [stage_strategy(forecast, stage) for stage in forecast.stages]
    return found[0] if len(set(found)) == 1 else "/".join(found)


def tiling(forecast: Forecast) -> str:
    """Returns how the VAE decodes: `untiled`, `tiled`, or by the side of a tile, `tiles of 128`."""
    if not forecast.vae_tiling:
        return "untiled"
    return f"tiles of {forecast.vae_tile_size}" if forecast.vae_tile_size else "tiled"


def weights(forecast: Forecast) -> str:
    """Returns the components that are quantized, `transformer int8`; `native` where none is."""
    quantized = [f"{name} {stored}" for name, stored in sorted(forecast.weights.items()) if stored != NATIVE]
    return ", ".join(quantized) or NATIVE
