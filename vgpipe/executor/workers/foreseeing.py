"""What a worker foresees for each kind of clip: whether its device holds it, and how long one takes."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from vgpipe.config.schema import Config
from vgpipe.executor.workers.messages import Fit, Foreseen
from vgpipe.job.clip import Clip
from vgpipe.planner.choice.choose import PlanRequest
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.figures import clip_seconds
from vgpipe.plans.planning import request_of
from vgpipe.plans.starting_point import StartingPlan


def foreseen_of(plan: StartingPlan | None, config: Config, samples: Sequence[Clip]) -> tuple[Foreseen, ...]:
    """Returns what a plan foresees.

    Args:
        plan: for the worker's device, of clips such as these; None where there is none, so that nothing speaks against
            any of them.
        config: the whole config; says what was asked for.
        samples: one clip of each kind; a long clip stands for all its segments.
    """
    if plan is None:
        return (Foreseen(Fit.AS_ASKED),) * len(samples)
    request = request_of(config)
    return tuple(_foreseen(plan, request, clip) for clip in samples)


def _foreseen(plan: StartingPlan, request: PlanRequest, clip: Clip) -> Foreseen:
    found = plan.forecasts_of(clip)
    chosen = [forecast for forecast in found if forecast is not None]
    if len(chosen) < len(found):
        return Foreseen(Fit.NOT)
    is_as_asked = all(request.is_kept_by(forecast) for forecast in chosen)
    return Foreseen(Fit.AS_ASKED if is_as_asked else Fit.DEGRADED, _middle_s(chosen))


def _middle_s(forecasts: Sequence[Forecast]) -> float | None:
    """Returns the sum of the geometric means of what each takes; None where one is not known."""
    spans = [clip_seconds(forecast) for forecast in forecasts]
    known = [sqrt(span[0] * span[1]) for span in spans if span is not None]
    return sum(known) if len(known) == len(spans) else None
