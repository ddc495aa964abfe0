"""The rates that animated images can have: browsers show a delay that is too short as a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_FPS = {"gif": 50, "webp": 90, "apng": 90}
"""Kind -> frames per second. A GIF has delays of whole 1/100 s, of which 1 is too short; elsewhere 10 ms are."""


def lowered_rate(settings: Mapping[str, Any], fps: float) -> int | None:
    """Returns the rate that a file gets in place of a higher one; None where it gets the one that was asked for.

    Args:
        settings: name and settings of its exporter.
        fps: of the clip.
    """
    most = MAX_FPS.get(str(settings.get("name")))
    return most if most is not None and (settings.get("fps") or fps) > most else None


def rate_notes(exporters: Sequence[Mapping[str, Any]], clip_fps: Iterable[float]) -> tuple[str, ...]:
    """Returns a note for each kind of file that gets a lower rate than was asked for.

    Args:
        exporters: name and settings of each.
        clip_fps: of the clips.
    """
    rates = sorted(set(clip_fps))
    found: dict[str, None] = {}
    for settings in exporters:
        for fps in rates:
            most = lowered_rate(settings, fps)
            if most is not None:
                asked = settings.get("fps") or fps
                what = (
                    f"{settings['name']} files have {most} frames per second in place of {asked:g}, at the same length"
                )
                found[f"{what}: browsers slow down what is faster"] = None
    return tuple(found)


def identity_of_rate(settings: Mapping[str, Any], fps: float) -> dict[str, int]:
    """Returns the part of a file's store key that says that its rate is lowered; empty for every other file."""
    most = lowered_rate(settings, fps)
    return {} if most is None else {"max_fps": most}
