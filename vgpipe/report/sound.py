"""The sound of a clip as its card shows it: numbers, and a waveform."""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from vgpipe.report.values import float_of, int_of, list_of, table_of

MAX_PEAKS = 1_000
FULL_SCALE = 100


class Sound(TypedDict):
    """A sound.

    Attributes:
        peaks: the largest magnitude within each of equally long parts, 0 to 100.
        seconds: how long it is.
        channels: how many it has.
        sample_rate_hz: samples a second.
        peak: the largest magnitude, 1 for full scale.
    """

    peaks: list[int]
    seconds: NotRequired[float]
    channels: NotRequired[int]
    sample_rate_hz: NotRequired[int]
    peak: NotRequired[float]


def sound_of(value: object) -> Sound | None:
    """Returns the sound of a record; None where it has none, or no peaks to draw.

    Args:
        value: the record's `sound`, unchecked.
    """
    found = table_of(value)
    peaks = [
        min(max(peak, 0), FULL_SCALE)
        for one in list_of(found.get("peaks"))[:MAX_PEAKS]
        if (peak := int_of(one)) is not None
    ]
    if not peaks:
        return None
    numbers = {
        "seconds": float_of(found.get("seconds")),
        "channels": int_of(found.get("channels")),
        "sample_rate_hz": int_of(found.get("sample_rate_hz")),
        "peak": float_of(found.get("peak")),
    }
    return cast(Sound, {"peaks": peaks, **{name: number for name, number in numbers.items() if number is not None}})
