"""What it would take to continue all drafts of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vgpipe.job.clip import Clip
from vgpipe.planner.forecast_records import Forecast
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.figures import Span, added, clip_seconds, times
from vgpipe.plans.parts import Steps
from vgpipe.plans.profiles import Profiles
from vgpipe.vocabulary import ENCODE

PlanKind = Callable[[ClipSpec], ShapePlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRest:
    """What all drafts of a plan take to be finished.

    Attributes:
        clips: how many drafts there are.
        fits: whether each of them does, to its end.
        seconds: of one worker, loading left out; None where unknown, or one does not fit.
    """

    clips: int
    fits: bool
    seconds: Span | None


def rest_of(clips: Sequence[Clip], profiles: Profiles, plan: PlanKind) -> DraftRest | None:
    """Returns what the drafts among clips take to be finished; None where there are none.

    Args:
        clips: of the plan.
        profiles: of its model.
        plan: plans one kind of clip.
    """
    drafts = [(clip, steps.stop) for clip in clips if (steps := profiles.steps_of(clip)).stop is not None]
    if not drafts:
        return None
    passes = Counter(kind for clip, stop in drafts for kind in profiles.kinds(clip, Steps(done=stop or 0)))
    chosen = [(plan(kind).chosen, count) for kind, count in passes.items()]
    known = [(forecast, count) for forecast, count in chosen if forecast is not None]
    fits = len(known) == len(chosen)
    seconds = added(times(_seconds(forecast), count) for forecast, count in known) if fits else None
    return DraftRest(clips=len(drafts), fits=fits, seconds=seconds)


def _seconds(forecast: Forecast) -> Span | None:
    """Returns the time of a pass that is continued: its first texts are encoded already."""
    if forecast.spec.of_steps is None:
        return clip_seconds(forecast)
    return added(stage.seconds for stage in forecast.stages if stage.stage != ENCODE)
