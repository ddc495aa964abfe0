"""Chooses the fastest strategy that fits for each stage, where no strategy is best for all of them.

Stages run one after the other with their own components only, so each may have its own strategy: a text encoder that is
larger than the card is offloaded leaf by leaf, and the denoiser is not offloaded. `resident` is for all stages or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import sqrt

from vgpipe.memory.strategies import Strategy, most_frugal
from vgpipe.planner.estimate.stored_weights import is_bound_to_device
from vgpipe.planner.forecast_records import Forecast, StageForecast

AS_FAST = 1.01  # forecasts are no more precise than that; of two as fast, the one that moves less is the safer choice
KEEPING = (Strategy.RESIDENT, Strategy.MODEL_OFFLOAD)

Judge = Callable[[Forecast], Forecast]
"""Adds to a forecast the reasons why it does not fit, and what is tight."""


def best_combination(ways: Iterable[Forecast], judge: Judge) -> Forecast | None:
    """Returns the combination of strategies, one per stage, that keeps the most on the device of the fastest that fit.

    Args:
        ways: forecasts of one model and clip with every strategy, with and without streams.
        judge: adds whether a forecast fits.

    Returns:
        A forecast whose stages name their strategies and whose own is the most frugal of them; None where a single
        strategy for all stages is as fast and moves as little, or nothing fits.
    """
    known = tuple(ways)
    shares = _shares(known)

    mixed = [judge(way) for streamed in (True, False) for way in _mixed(known, streamed=streamed)]
    paces = [(_pace(way, shares), way) for way in (*known, *mixed) if way.fits]
    if not paces:
        return None
    as_fast = min(pace for pace, _ in paces) * AS_FAST
    _, found = min((one for one in paces if one[0] <= as_fast), key=lambda one: (_rank(one[1]), one[0]))
    return None if found in known else found


def with_combination(rows: Sequence[Forecast], found: Forecast | None) -> tuple[Forecast, ...]:
    """Returns the rows with a combination inserted before the first that fits, which it is preferred to."""
    if found is None:
        return tuple(rows)
    place = next((number for number, row in enumerate(rows) if row.fits), len(rows))
    return (*rows[:place], found, *rows[place:])


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
        if way.strategy is Strategy.RESIDENT or (way.strategy is Strategy.MODEL_OFFLOAD and _is_bound(way)):
            continue
        if way.strategy not in found or way.stream is streamed:
            found[way.strategy] = way
    return found


def _is_bound(way: Forecast) -> bool:
    """Returns whether a component would stay on the device in the stages of others."""
    return any(is_bound_to_device(how) for how in way.weights.values())


def _joined(rows: Mapping[Strategy, Forecast], chosen: Mapping[str, Strategy], streamed: bool) -> Forecast:
    used = [rows[strategy] for strategy in chosen.values()]
    frugal = rows[most_frugal(chosen.values())]
    stages = tuple(_stage(rows, chosen, name) for name in chosen)
    return replace(
        frugal,
        stream=streamed and any(row.stream for row in used),
        stages=stages,
        disk_bytes=max(row.disk_bytes for row in used),
        refusals=(),
        warnings=(),
    )


def _stage(rows: Mapping[Strategy, Forecast], chosen: Mapping[str, Strategy], name: str) -> StageForecast:
    own = _named(rows[chosen[name]], name)
    waiting = sum(
        _named(rows[strategy], other).own_bytes
        for other, strategy in chosen.items()
        if other != name and strategy is Strategy.MODEL_OFFLOAD
    )
    ram = own.ram_bytes + waiting
    if chosen[name] is Strategy.MODEL_OFFLOAD:  # its figure holds the components of all stages
        ram -= max(rows[chosen[name]].weight_bytes - own.own_bytes, 0)
    return replace(own, ram_bytes=ram, strategy=chosen[name])


def _named(forecast: Forecast, name: str) -> StageForecast:
    return next(stage for stage in forecast.stages if stage.stage == name)


def _shares(ways: Sequence[Forecast]) -> dict[str, float]:
    """Returns stage -> its share of all weights, which no strategy changes."""
    stages = ways[0].stages if ways else ()
    total = sum(stage.own_bytes for stage in stages)
    return {stage.stage: stage.own_bytes / max(total, 1) for stage in stages}


def _rank(way: Forecast) -> int:
    """Returns the sum of the stages' places in the list of strategies."""
    return sum(list(Strategy).index(strategy) for strategy in strategies_of(way).values())


def _pace(way: Forecast, shares: Mapping[str, float]) -> float:
    """Returns seconds to compare ways by; 0 where they are not all known.

    They include loading the parts again that are dropped after their stage.
    """
    chosen = strategies_of(way)
    spans = [stage.seconds for stage in way.stages]
    known = [sqrt(span[0] * span[1]) for span in spans if span is not None]
    if len(known) < len(spans):
        return 0.0
    again = sum(shares.get(name, 0.0) for name, strategy in chosen.items() if strategy not in KEEPING)
    load = sqrt(way.load_seconds[0] * way.load_seconds[1]) if way.load_seconds else 0.0
    return sum(known) + load * again
