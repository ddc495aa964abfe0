"""Combines strategies, one for each stage, where no strategy is best for all of them.

Stages run one after the other with their own components only, so each may have its own strategy: a text encoder that is
larger than the card is offloaded leaf by leaf, and the denoiser is not offloaded. What `resident` and `model_offload`
keep is dropped by a stage with any other strategy (`memory/residency.py`), so they are for all stages or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import sqrt

from vgpipe.memory.strategies import Strategy, most_frugal
from vgpipe.planner.choice.least_ram import Candidate
from vgpipe.planner.forecast_records import Forecast, StageForecast

KEEPING = (Strategy.RESIDENT, Strategy.MODEL_OFFLOAD)

Judge = Callable[[Forecast], Forecast]
"""Adds to a forecast the reasons why it does not fit, and what is tight."""


def fitting(ways: Iterable[Forecast], judge: Judge, *, clips: float) -> list[Candidate]:
    """Returns every way to make a clip that fits: one strategy for all stages, and every combination of them.

    Args:
        ways: forecasts of one model and clip with every strategy, with and without streams.
        judge: adds whether a forecast fits.
        clips: that share the loading of what is dropped after its stage; infinite where nothing is loaded again.

    Returns:
        The ways; those that are combinations have stages that name their strategies, and as their own the most frugal
        of them.
    """
    known = tuple(ways)
    mixed = [judge(way) for streamed in (True, False) for way in _mixed(known, streamed=streamed)]
    return candidates((*known, *mixed), clips=clips)


def candidates(ways: Sequence[Forecast], *, clips: float) -> list[Candidate]:
    """Returns those of some ways that fit, with what they are compared by.

    Args:
        ways: forecasts of one model and clip.
        clips: that share a loading, as of `fitting`.
    """
    shares = _shares(ways)
    return [_candidate(way, shares, clips) for way in ways if way.fits]


def with_chosen(rows: Sequence[Forecast], chosen: Forecast | None) -> tuple[Forecast, ...]:
    """Returns the rows with the chosen way among them: in the place of its strategy's, or before the first that fits.

    Args:
        rows: one way of each strategy.
        chosen: one of them, another way of a strategy, or a combination of strategies; None where nothing fits.
    """
    if chosen is None or chosen in rows:
        return tuple(rows)
    if len(set(strategies_of(chosen).values())) == 1:
        return tuple(chosen if row.strategy is chosen.strategy else row for row in rows)
    place = next((number for number, row in enumerate(rows) if row.fits), len(rows))
    return (*rows[:place], chosen, *rows[place:])


def strategies_of(forecast: Forecast) -> dict[str, Strategy]:
    """Returns stage -> where its components live."""
    return {stage.stage: stage.strategy or forecast.strategy for stage in forecast.stages}


def _mixed(ways: Sequence[Forecast], *, streamed: bool) -> Iterator[Forecast]:
    """Yields the combinations in which all offloaded stages are prefetched, or none: a run has one setting for all."""
    rows = _alike(ways, streamed)
    if len(rows) < 2:
        return
    names = [stage.stage for stage in next(iter(rows.values())).stages]
    for chosen in product(rows, repeat=len(names)):
        if len(set(chosen)) > 1:
            yield _joined(rows, dict(zip(names, chosen, strict=True)), streamed)


def _alike(ways: Sequence[Forecast], streamed: bool) -> dict[Strategy, Forecast]:
    found: dict[Strategy, Forecast] = {}
    for way in ways:
        if way.strategy not in KEEPING and (way.strategy not in found or way.stream is streamed):
            found[way.strategy] = way
    return found


def _joined(rows: Mapping[Strategy, Forecast], chosen: Mapping[str, Strategy], streamed: bool) -> Forecast:
    used = [rows[strategy] for strategy in chosen.values()]
    frugal = rows[most_frugal(chosen.values())]
    stages = tuple(replace(_named(rows[one], name), strategy=one) for name, one in chosen.items())
    return replace(
        frugal,
        stream=streamed and any(row.stream for row in used),
        stages=stages,
        disk_bytes=max(row.disk_bytes for row in used),
        refusals=(),
        warnings=(),
    )


def _named(forecast: Forecast, name: str) -> StageForecast:
    return next(stage for stage in forecast.stages if stage.stage == name)


def _shares(ways: Sequence[Forecast]) -> dict[str, float]:
    """Returns stage -> its share of all weights, which no strategy changes."""
    stages = ways[0].stages if ways else ()
    total = sum(stage.own_bytes for stage in stages)
    return {stage.stage: stage.own_bytes / max(total, 1) for stage in stages}


def _candidate(way: Forecast, shares: Mapping[str, float], clips: float) -> Candidate:
    spans = [stage.seconds for stage in way.stages]
    known = [span for span in spans if span is not None]
    rank = sum(list(Strategy).index(strategy) for strategy in strategies_of(way).values())
    if len(known) < len(spans):
        return Candidate(way, None, None, rank)
    seconds = sum(sqrt(least * most) for least, most in known) + _loading_again_s(way, shares) / max(clips, 1)
    return Candidate(way, seconds, (sum(span[0] for span in known), sum(span[1] for span in known)), rank)


def _loading_again_s(way: Forecast, shares: Mapping[str, float]) -> float:
    """Returns seconds to load, for the next wave, the parts that are dropped after their stage."""
    again = sum(shares.get(name, 0.0) for name, strategy in strategies_of(way).items() if strategy not in KEEPING)
    load = sqrt(way.load_seconds[0] * way.load_seconds[1]) if way.load_seconds else 0.0
    return load * again
