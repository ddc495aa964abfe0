"""What a whole run comes to, in one number each: time, memory and the measures of its clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, TypeGuard

from vgpipe.report.measures import MEASURES

Card = Mapping[str, Any]
TIME = "Seconds a clip took, all stages together: the mean over the run's clips."
MAX_VALUE = 1e100
"""Beyond it nothing was measured, and a sum would be no number any more."""
GPU, RAM = "Most GPU memory that one of the run's clips took.", "Most RAM that the process of the run took."


def figures(columns: Sequence[Sequence[Card]]) -> list[dict[str, Any]]:
    """Returns what runs can be compared by; what no run has a number for is left out.

    Args:
        columns: the cards of each run.

    Returns:
        Objects with `name`, `unit`, `about` (what it is), `is_measure`, and for each run its value in `values` and in
        `clips` of how many clips; None and 0 where it has none.
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
) -> dict[str, Any]:
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


def _memory(columns: Sequence[Sequence[Card]]) -> dict[str, Any]:
    """Returns GPU memory where any run has it, else RAM: the two are not to stand beside each other."""
    on_gpu = _figure("memory", "GiB", GPU, columns, lambda clip: clip.get("peak_vram_gb"), max)
    if any(on_gpu["clips"]):
        return on_gpu
    return _figure("memory", "GiB", RAM, columns, lambda clip: clip.get("peak_ram_gb"), max)


def _seconds(clip: Card) -> float | None:
    return sum(clip["seconds"].values()) if clip.get("seconds") else None


def _measure(name: str) -> Callable[[Card], float | None]:
    return lambda clip: clip.get("measures", {}).get(name)
