"""The axes of several runs: settings that differ between them, each independent of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vgpipe.report.grid.settings import RunSettings

SEED, FOLDER, RUN, COMBINATION = "clip.seed", "folder", "run", "combination"
UNSET = "default"
NAME_OF_OPTION = ".name"


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting that differs between runs.

    Attributes:
        key: of the setting.
        values: all that it has, in order.
        at: for each run, which of them.
    """

    key: str
    values: tuple[str, ...]
    at: tuple[int, ...]

    @property
    def label(self) -> str:
        """What a person calls the setting."""
        return self.key.removeprefix("clip.")

    def decides(self, values: Sequence[object]) -> bool:
        """Says whether runs with the same value of this axis have the same of these too, one for each run."""
        return len(set(zip(self.at, values, strict=True))) == len(set(self.at))


def axes_of(runs: Sequence[RunSettings]) -> list[Axis]:
    """Returns the settings that set runs apart, the seed last; none where nothing differs.

    Where every run tells its overrides, those are named as the user typed them (`quality`); else the values of the
    configs are compared. Of settings that change together one stands for all.

    Args:
        runs: in any order.
    """
    are_typed = all(run.overrides for run in runs)
    candidates = _typed(runs) if are_typed else _configured(runs)
    found: list[Axis] = []
    for axis in candidates:
        if not any(other.decides(axis.at) for other in found):
            found = [other for other in found if not axis.decides(other.at)] + [axis]
    return sorted(found, key=lambda axis: axis.key == SEED)


def axis_by(key: str, texts: Sequence[str], runs: Sequence[RunSettings]) -> Axis:
    """Returns an axis; numbers are in their order, and other values in that in which runs first used them.

    Args:
        key: of the setting.
        texts: its value in each run.
        runs: likewise.
    """
    by_time = sorted(range(len(runs)), key=lambda number: runs[number].started_at)
    values = list(dict.fromkeys(texts[number] for number in by_time))
    numbers = [_number(value) for value in values]
    if None not in numbers:
        values = [value for _, value in sorted(zip(numbers, values, strict=True), key=lambda pair: pair[0] or 0.0)]
    return Axis(key, tuple(values), tuple(values.index(text) for text in texts))


def _typed(runs: Sequence[RunSettings]) -> list[Axis]:
    keys = dict.fromkeys(key for run in runs for key in run.overrides or {})
    return _differing(keys, runs, _typed_value)


def _configured(runs: Sequence[RunSettings]) -> list[Axis]:
    """Returns an axis per value of the configs that differs; an option's name comes first, and stands for its group."""
    keys = dict.fromkeys(key for run in runs for key in run.values)
    named = sorted(keys, key=lambda key: not key.endswith(NAME_OF_OPTION))
    found = _differing(named, runs, lambda run, key: run.values.get(key, UNSET))
    return [Axis(axis.key.removesuffix(NAME_OF_OPTION), axis.values, axis.at) for axis in found]


def _typed_value(run: RunSettings, key: str) -> str:
    typed = (run.overrides or {}).get(key)
    if typed is not None:
        return typed
    return run.values.get(key) or run.values.get(f"{key}{NAME_OF_OPTION}") or UNSET


def _differing(
    keys: Iterable[str], runs: Sequence[RunSettings], value_of: Callable[[RunSettings, str], str]
) -> list[Axis]:
    found = [axis_by(key, [value_of(run, key) for run in runs], runs) for key in keys]
    return [axis for axis in found if len(axis.values) > 1]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
