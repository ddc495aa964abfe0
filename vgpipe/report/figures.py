"""The figures of a whole run, one number each: time, memory and the measures of its clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TypedDict, TypeGuard

from vgpipe.report.cards import Card
from vgpipe.report.measures import MEASURES

TIME = "Seconds per clip, all stages together: the mean over the run's clips."
MAX_VALUE = 1e100
"""A larger value was not measured, and sums of such values overflow."""
GPU, RAM = "Peak GPU memory over the run's clips.", "Peak RAM of the process that made a clip, over the run's clips."


class Figure(TypedDict):
    """A figure of each run; see `figures`."""

    name: str
    unit: str
    about: str
    is_measure: bool
    values: list[float | None]
    clips: list[int]


def figures(columns: Sequence[Sequence[Card]]) -> list[Figure]:
    """Returns the figures that runs can be compared by; those that no run has a number for are left out.

    Args:
        columns: the cards of each run.

    Returns:
        Objects with `name`, `unit`, `about` (its meaning), `is_measure`, and for each run its value in `values` and
        the number of clips behind it in `clips`; None and 0 where it has none.
    """
    found = [_figure("time", "s", TIME, columns, _seconds, fmean), _memory(columns)]
    found += [_figure(name, "", about, columns, _measure(name), fmean) for name, about in MEASURES.items()]
    return [figure for figure in found if any(figure["clips"])]


def _figure(
    name: str,
    unit: str,
    about: str,
    columns: Sequence[Sequence[Card]],
    value_of: Callable[[Card], float | None],
    together: Callable[[Sequence[float]], float],
) -> Figure:
    found = [[value for clip in column if _is_number(value := value_of(clip))] for column in columns]
    return {
        "name": name,
        "unit": unit,
        "about": about,
        "is_measure": name in MEASURES,
        "values": [float(f"{together(values):.6g}") if values else None for values in found],
        "clips": [len(values) for values in found],
    }


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) < MAX_VALUE


def _memory(columns: Sequence[Sequence[Card]]) -> Figure:
    """Returns GPU memory where any run has it, else RAM: the two cannot be compared."""
    on_gpu = _figure("memory", "GiB", GPU, columns, lambda clip: clip.get("peak_vram_gb"), max)
    if any(on_gpu["clips"]):
        return on_gpu
    return _figure("memory", "GiB", RAM, columns, lambda clip: clip.get("peak_ram_gb"), max)


def _seconds(clip: Card) -> float | None:
    return sum(clip["seconds"].values()) if clip.get("seconds") else None


def _measure(name: str) -> Callable[[Card], float | None]:
    return lambda clip: clip.get("measures", {}).get(name)
