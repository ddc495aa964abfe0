"""Sizes and frame counts that the model cannot make, with the nearest it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vgpipe.job.rules import ShapeRules


@dataclass(frozen=True, slots=True)
class ShapeFault:
    """A setting that asks for what the model cannot make.

    Attributes:
        field: the setting.
        what: what is wrong, and what the model can make.
        remedy: the nearest that it can make.
    """

    field: str
    what: str
    remedy: str


def shape_faults(values: Mapping[str, object], rules: ShapeRules) -> Iterator[ShapeFault]:
    """Yield the faults of the `width`, `height` and `num_frames` among some settings.

    Args:
        values: setting -> value; what is not a whole number is passed over.
        rules: what the model can make.
    """
    for field in ("width", "height"):
        side = _whole(values.get(field))
        if side is not None and not rules.allows_side(side):
            what = f"{field} is {side}; the model makes {rules.describe_sides()}"
            yield ShapeFault(field, what, f"the nearest is {field}: {rules.nearest_side(side)}")
    count = _whole(values.get("num_frames"))
    is_long = count is not None and bool(rules.continuations) and count > rules.largest_num_frames
    if count is not None and not is_long and not rules.allows_num_frames(count):
        what = f"num_frames is {count}; the model makes {rules.describe_num_frames()}"
        yield ShapeFault("num_frames", what, f"the nearest is num_frames: {rules.nearest_num_frames(count)}")


def duration_fault(seconds: float, fps: float, rules: ShapeRules) -> ShapeFault | None:
    """Return the fault of a duration that is too long for the model, or None.

    Args:
        seconds: duration, above 0.
        fps: frames a second, above 0.
        rules: what the model can make.
    """
    count = rules.num_frames_for(seconds, fps)
    if rules.allows_num_frames(count):
        return None
    # Rounded down, so that what the message advises is not itself too long.
    longest = int(rules.largest_num_frames / fps * 1000) / 1000
    what = f"seconds is {seconds:g}, which is {count} frames at {fps:g} fps"
    what = f"{what}; the model makes {rules.describe_num_frames()}"
    return ShapeFault("seconds", what, f"at most seconds: {longest:g} at this fps")


def _whole(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
