"""From rows to the figures of each setting: time, memory, likeness, the share that it keeps, and the frontier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from vgpipe.bench.grid import Grid, Setting
from vgpipe.bench.rows import Row, Rows
from vgpipe.quality.frontier import Interval, Point, frontier, kept, speed_up
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

WORST = "worst_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One setting.

    Attributes:
        setting: which.
        clips: how many were made at it.
        failed: how many could not be made.
        degraded: how many were degraded.
        seconds: mean of a clip, but for its export, which runs beside the next one; None where none was made.
        denoise_s: mean of denoising.
        speed: how many times as fast as the full run; None for fewer than two clips.
        peak_gb: largest peak, GiB.
        on_gpu: whether that is GPU memory.
        scores: measure -> mean over the clips; of the worst frame the smallest.
        kept: measure -> the share that it keeps.
        warned: check -> how many clips do not pass it.
        is_on_frontier: whether no other setting beats it.
    """

    setting: Setting
    clips: int = 0
    failed: int = 0
    degraded: int = 0
    seconds: float | None = None
    denoise_s: float | None = None
    speed: Interval | None = None
    peak_gb: float | None = None
    on_gpu: bool = False
    scores: Mapping[str, float] = field(default_factory=dict)
    kept: Mapping[str, Interval] = field(default_factory=dict)
    warned: Mapping[str, int] = field(default_factory=dict)
    is_on_frontier: bool = False


def results(grid: Grid, rows: Rows, measures: Sequence[str], by: str) -> list[Result]:
    """Returns what is known of each setting, in the order of the grid.

    Args:
        grid: the settings.
        rows: what was measured.
        measures: those of which a share is kept.
        by: the one that the frontier goes by.
    """
    encode_s = _encode_s(grid, rows)
    found = [_result(one, grid, rows, encode_s, measures) for one in grid.settings]
    points = [
        Point(one.setting.name, one.seconds, one.kept[by].mean) for one in found if one.seconds and by in one.kept
    ]
    best = frontier(point for point, one in _sound(points, found))
    return [replace(one, is_on_frontier=one.setting.name in best) for one in found]


def _sound(points: Sequence[Point], found: Sequence[Result]) -> list[tuple[Point, Result]]:
    """Returns the points of settings at which every clip was made as it was asked for."""
    known = {one.setting.name: one for one in found if not one.failed and not one.degraded}
    return [(point, known[point.name]) for point in points if point.name in known]


def _encode_s(grid: Grid, rows: Rows) -> dict[int, float]:
    """Returns what encoding the texts of each clip took: the settings share it, so one of them did it for all."""
    found: dict[int, float] = {}
    for setting in grid.settings:
        for clip, row in rows.of(setting.name).items():
            found[clip] = max(found.get(clip, 0.0), row.seconds.get(ENCODE, 0.0))
    return found


def _result(setting: Setting, grid: Grid, rows: Rows, encode_s: Mapping[int, float], measures: Sequence[str]) -> Result:
    own, whole, low = (rows.of(one.name) for one in (setting, grid.full, grid.baseline))
    made = {clip: row for clip, row in own.items() if row.error is None}
    seconds = {clip: _seconds(row, encode_s[clip]) for clip, row in made.items() if row.is_timed}
    pairs = [clip for clip in made if (row := whole.get(clip)) is not None and row.error is None]
    timed = [clip for clip in pairs if clip in seconds and whole[clip].is_timed]
    shares = _shares(measures, pairs, own, low, whole)
    return Result(
        setting=setting,
        clips=len(made),
        failed=len(own) - len(made),
        degraded=sum(bool(row.degradations) for row in made.values()),
        seconds=fmean(seconds.values()) if seconds else None,
        denoise_s=fmean(made[clip].seconds.get(DENOISE, 0.0) for clip in seconds) if seconds else None,
        speed=speed_up([seconds[clip] for clip in timed], [_seconds(whole[clip], encode_s[clip]) for clip in timed]),
        peak_gb=max((row.peak_gb for row in made.values() if row.peak_gb is not None), default=None),
        on_gpu=any(row.on_gpu for row in made.values()),
        scores=_scores(list(made.values())),
        kept=shares,
        warned=dict(Counter(check for row in made.values() for check in row.warned)),
    )


def _seconds(row: Row, encode_s: float) -> float:
    return encode_s + sum(row.seconds.get(stage, 0.0) for stage in (DENOISE, DECODE))


def _shares(measures: Sequence[str], clips: Sequence[int], *each: Mapping[int, Row]) -> dict[str, Interval]:
    """Returns the share that is kept by each measure, of those that all of the clips have at all three settings."""
    found: dict[str, Interval] = {}
    for name in measures:
        if all(clip in of and name in of[clip].scores for of in each for clip in clips):
            share = kept(*(_values(of, clips, name) for of in each))
            found |= {} if share is None else {name: share}
    return found


def _values(of: Mapping[int, Row], clips: Sequence[int], name: str) -> list[float]:
    return [of[clip].scores[name] for clip in clips]


def _scores(rows: Sequence[Row]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row.scores)
    values = {name: [row.scores[name] for row in rows if name in row.scores] for name in names}
    return {name: min(found) if name.startswith(WORST) else fmean(found) for name, found in values.items()}
