"""In which order clips are made, and what each of them takes by the plan, or relative to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.job.segments import work_of
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.figures import Span, added, clip_seconds
from vgpipe.plans.starting_point import StartingPlan
from vgpipe.vocabulary import CHEAPEST_FIRST

T = TypeVar("T")


def in_order(states: Iterable[ClipState], config: Config, plan: StartingPlan | None) -> list[ClipState]:
    """Returns clips in the order in which they are made; equally cheap ones stay in job order.

    Args:
        states: in job order.
        config: whose `run.order` counts.
        plan: forecasts what they take; where it knows nothing of one of them, pixels, frames and steps count.
    """
    given = list(states)
    if config.run.order != CHEAPEST_FIRST:
        return given
    return [state for _, state in _by_cost(_costs([state.initial for state in given], plan), given)]


def cheapest_first(clips: Sequence[Clip], plan: StartingPlan | None) -> list[Clip]:
    """Returns clips in order of what they take; equally cheap ones stay in job order.

    Args:
        clips: in job order.
        plan: as for `in_order`.
    """
    return [clip for _, clip in _by_cost(_costs(clips, plan), clips)]


def _by_cost(costs: Sequence[float], given: Sequence[T]) -> list[tuple[float, T]]:
    return sorted(zip(costs, given, strict=True), key=lambda one: one[0])


def _costs(clips: Sequence[Clip], plan: StartingPlan | None) -> list[float]:
    """Returns what each clip takes, all in one unit: seconds, or pixels of all steps."""
    spans = [planned_s(clip, plan) for clip in clips]
    known = [sum(span) for span in spans if span is not None]
    return known if len(known) == len(clips) else [work_of(clip) for clip in clips]


def planned_s(clip: Clip, plan: StartingPlan | None) -> Span | None:
    """Returns the least and most seconds that a plan foresees for a clip; None where it does not say."""
    if plan is None:
        return None
    return added(clip_seconds(one) if isinstance(one, Forecast) else None for one in plan.forecasts_of(clip))
