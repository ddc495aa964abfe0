"""What a run is worth to a sweeper that searches: the metrics that `run.objective` names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, repeat
from math import isfinite
from typing import Protocol

from vgpipe.config.schema import RunConfig
from vgpipe.errors import ConfigError, Fault
from vgpipe.vocabulary import CLIPS_NOT_DONE, MEASURED_FRAMES, PEAK_GB, SECONDS_PER_CLIP

log = logging.getLogger(__name__)

WORST = 1e9
"""The value, its sign by the direction, of a run that has none: larger than any metric can be. Infinity would do for
one objective; samplers for several multiply the values, and end the search at the first NaN."""


class Direction(StrEnum):
    """Which values of an objective a sweeper prefers; the names are Optuna's."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def worst(self) -> float:
        """The value that is never preferred."""
        return WORST if self is Direction.MINIMIZE else -WORST


class Measured(Protocol):
    """A clip at the end of a run, as far as an objective needs it."""

    @property
    def is_done(self) -> bool:
        """Whether all its files are there."""

    @property
    def is_made(self) -> bool:
        """Whether what was asked for is there: all its files, or those of its preview."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """Stage -> seconds."""

    @property
    def measures(self) -> Mapping[str, float] | None:
        """What its frames measure."""

    @property
    def peak_ram_gb(self) -> float | None:
        """Largest peak of RAM, GiB."""

    @property
    def peak_vram_gb(self) -> float | None:
        """The same for the GPU."""


def refuse_unmeasured(config: RunConfig) -> None:
    """Refuses an objective that the run would not measure.

    Raises:
        ConfigError: where a measure of frames is named and `run.sheet` is false.
    """
    unmeasured = [name for name in config.objective if name in MEASURED_FRAMES and not config.sheet]
    if unmeasured:
        what = f"{unmeasured[0]} is not measured with run.sheet=false"
        raise ConfigError("invalid configuration", [Fault("run.objective", what, "leave out run.sheet=false")])


def objective_values(
    names: Sequence[str], clips: Sequence[Measured], directions: Sequence[Direction] = ()
) -> tuple[float, ...]:
    """Returns the value of each objective of a run.

    Args:
        names: those of `run.objective`; none for the number of clips that are not done.
        clips: all clips of the run.
        directions: which values the sweeper prefers, one for each name; missing ones are `MINIMIZE`.

    Returns:
        The mean over the clips that are done, or drafted as was asked for, and have the metric. The worst value where
        there is none, so that a search continues and does not prefer such a run.
    """
    return tuple(_value(name, clips, direction) for name, direction in _wanted(names, directions))


def worst_values(names: Sequence[str], directions: Sequence[Direction] = ()) -> tuple[float, ...]:
    """Returns the values of a run that gave no result.

    Args:
        names: those of `run.objective`.
        directions: as for `objective_values`.
    """
    return tuple(direction.worst for _, direction in _wanted(names, directions))


def _wanted(names: Sequence[str], directions: Sequence[Direction]) -> Iterator[tuple[str, Direction]]:
    return zip(names or (CLIPS_NOT_DONE,), chain(directions, repeat(Direction.MINIMIZE)), strict=False)


def _value(name: str, clips: Sequence[Measured], direction: Direction) -> float:
    done = [clip for clip in clips if clip.is_made]
    if name == CLIPS_NOT_DONE:
        return float(len(clips) - len(done))
    found = [value for clip in done if (value := _metric(name)(clip)) is not None and isfinite(value)]
    if found:
        return sum(found) / len(found)
    if done:
        log.warning("run.objective=%s: none of the clips has it, such as where all were taken from the store", name)
    return direction.worst


def _metric(name: str) -> Callable[[Measured], float | None]:
    return METRICS.get(name) or (lambda clip: (clip.measures or {}).get(name))


def _seconds(clip: Measured) -> float | None:
    return sum(clip.seconds.values()) if clip.seconds else None


def _peak_gb(clip: Measured) -> float | None:
    return clip.peak_ram_gb if clip.peak_vram_gb is None else clip.peak_vram_gb


METRICS: Mapping[str, Callable[[Measured], float | None]] = {SECONDS_PER_CLIP: _seconds, PEAK_GB: _peak_gb}
"""Name -> where a clip has it; the others are measures of its frames."""
