"""The figures of a whole run, one number each: time, memory, and what checks, judges and measures say of its clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple, TypedDict, TypeGuard

from vgpipe.report.cards import Card
from vgpipe.report.measures import MEASURES
from vgpipe.vocabulary import STAGES

TIME = "Seconds per clip, all stages together: the mean over the run's clips."
STAGE = "Seconds per clip of the stage {}: the mean over the run's clips that it was made for."
MAX_VALUE = 1e100
"""A larger value was not measured, and sums of such values overflow."""
GPU, RAM = "Peak GPU memory over the run's clips.", "Peak RAM of the process that made a clip, over the run's clips."
SCORE = "What the judge {} says of a clip's preview, the higher the better: the mean over the run's clips."
CHECKS = "Share of the run's clips that passed all of their checks."
STEADIER_IF_LESS = "flicker"


class Figure(TypedDict):
    """A figure of each run; see `figures`."""

    name: str
    unit: str
    about: str
    kind: str
    better: str
    is_measure: bool
    values: list[float | None]
    clips: list[int]


class _About(NamedTuple):
    """What a figure is.

    Attributes:
        name: of the figure.
        unit: of its values; "" where they have none.
        text: its meaning.
        kind: `time`, `stage`, `memory`, `judged` or `measure`.
        better: `less`, `more`, or "" where neither is.
    """

    name: str
    unit: str
    text: str
    kind: str
    better: str = ""


def figures(columns: Sequence[Sequence[Card]]) -> list[Figure]:
    """Returns the figures that runs can be compared by; those that no run has a number for are left out.

    Args:
        columns: the cards of each run.

    Returns:
        Objects with `name`, `unit`, `about` (its meaning), `kind`, which values are `better`, `is_measure`, and for
        each run its value in `values` and the number of clips behind it in `clips`; None and 0 where it has none.
    """
    found = [_figure(_About("time", "s", TIME, "time", "less"), columns, seconds_of, fmean)]
    found += [
        _figure(_About(stage, "s", STAGE.format(stage), "stage", "less"), columns, _stage(stage), fmean)
        for stage in STAGES
    ]
    found.append(_memory(columns))
    found += [_score(judge, columns) for judge in _judges(columns)]
    found.append(_figure(_About("checks passed", "%", CHECKS, "judged", "more"), columns, _passed, fmean))
    found += [_measured(name, about, columns) for name, about in MEASURES.items()]
    return [figure for figure in found if any(figure["clips"])]


def seconds_of(card: Card) -> float | None:
    """Returns the seconds that a clip took, all stages together; None where none were recorded."""
    return sum(card["seconds"].values()) if card.get("seconds") else None


def _figure(
    about: _About,
    columns: Sequence[Sequence[Card]],
    value_of: Callable[[Card], float | None],
    together: Callable[[Sequence[float]], float],
) -> Figure:
    found = [[value for clip in column if _is_number(value := value_of(clip))] for column in columns]
    return {
        "name": about.name,
        "unit": about.unit,
        "about": about.text,
        "kind": about.kind,
        "better": about.better,
        "is_measure": about.kind == "measure",
        "values": [float(f"{together(values):.6g}") if values else None for values in found],
        "clips": [len(values) for values in found],
    }


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and abs(value) < MAX_VALUE


def _memory(columns: Sequence[Sequence[Card]]) -> Figure:
    """Returns GPU memory where any run has it, else RAM: the two cannot be compared."""
    on_gpu = _About("memory", "GiB", GPU, "memory", "less")
    found = _figure(on_gpu, columns, lambda clip: clip.get("peak_vram_gb"), max)
    if any(found["clips"]):
        return found
    return _figure(on_gpu._replace(text=RAM), columns, lambda clip: clip.get("peak_ram_gb"), max)


def _judges(columns: Sequence[Sequence[Card]]) -> list[str]:
    return list(dict.fromkeys(clip["score"]["judge"] for column in columns for clip in column if "score" in clip))


def _score(judge: str, columns: Sequence[Sequence[Card]]) -> Figure:
    def score_of(clip: Card) -> float | None:
        score = clip.get("score")
        return score["number"] if score is not None and score["judge"] == judge else None

    return _figure(_About(f"score ({judge})", "", SCORE.format(judge), "judged", "more"), columns, score_of, fmean)


def _passed(clip: Card) -> float | None:
    """Returns 100 where a clip passed all of its checks, 0 where it did not; None where it has none."""
    checks = clip.get("checks")
    return 100.0 * all(": passed" in check for check in checks) if checks else None


def _measured(name: str, about: str, columns: Sequence[Sequence[Card]]) -> Figure:
    better = "less" if name == STEADIER_IF_LESS else ""
    return _figure(_About(name, "", about, "measure", better), columns, _measure(name), fmean)


def _stage(stage: str) -> Callable[[Card], float | None]:
    return lambda clip: clip.get("seconds", {}).get(stage)


def _measure(name: str) -> Callable[[Card], float | None]:
    return lambda clip: clip.get("measures", {}).get(name)
