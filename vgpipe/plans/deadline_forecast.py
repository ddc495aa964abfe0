"""How many clips will be done by a deadline, by the plan."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import sqrt

from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.plans.crew import CrewPlan
from vgpipe.plans.device_plan import DevicePlan
from vgpipe.plans.done_by import DoneBy
from vgpipe.plans.figures import Span
from vgpipe.plans.order import cheapest_first, planned_s
from vgpipe.plans.run_plan import RunPlan
from vgpipe.vocabulary import CHEAPEST_FIRST

UNKNOWN_GAIN = (1.0, 1.0)


def done_by(
    plan: RunPlan, clips: Sequence[Clip], config: Config, *, at: str, left_s: float, done: int = 0
) -> DoneBy | None:
    """Returns how many clips will be done by a deadline; None where the plan does not say how long they take.

    Args:
        plan: of the clips.
        clips: that are to be made, in job order.
        config: the whole config.
        at: the deadline, as people write it.
        left_s: seconds until then.
        done: clips of the job that are done already.
    """
    ends = [_ends_s(plan, clips, config, bound) for bound in (0, 1)]
    if any(one is None for one in ends):
        return None
    soonest, latest = (one or [] for one in ends)
    between = [sqrt(max(low, 0.0) * max(high, 0.0)) for low, high in zip(soonest, latest, strict=True)]
    most, middle, least = (done + bisect_right(one, left_s) for one in (soonest, between, latest))
    whole = config.executor.wave_size or 1  # a wave goes through its stages together
    least = least if least == done + len(clips) else done + (least - done) // whole * whole
    return DoneBy(at=at, will_be_done=max(middle, least), least=least, most=most, of=done + len(clips))


def _ends_s(plan: RunPlan, clips: Sequence[Clip], config: Config, bound: int) -> list[float] | None:
    """Returns when the first clip is done, and the second, and so on; of the least (0) or most (1) seconds of each."""
    if plan.crew is not None and not plan.crew.shares_cores:
        return _ends_of_crew(plan.crew, plan, clips, config, bound)
    spans = _spans(plan, _ordered(plan, clips, config))
    if spans is None:
        return None
    gain = plan.crew.gain if plan.crew is not None else UNKNOWN_GAIN
    by = gain[1 - bound]
    return [end_s / by for end_s in _added(_load_s(plan, bound), (span[bound] for span in spans))]


def _ordered(plan: DevicePlan, clips: Sequence[Clip], config: Config) -> Sequence[Clip]:
    return cheapest_first(clips, plan) if config.run.order == CHEAPEST_FIRST else clips


def _spans(plan: DevicePlan, clips: Sequence[Clip]) -> list[Span] | None:
    found = [planned_s(clip, plan) for clip in clips]
    known = [span for span in found if span is not None]
    return known if len(known) == len(found) else None


def _added(start_s: float, seconds: Iterator[float]) -> Iterator[float]:
    for one in seconds:
        start_s += one
        yield start_s


def _load_s(plan: DevicePlan, bound: int) -> float:
    loads = [shape.chosen.load_seconds for shape in plan.shapes if shape.chosen]
    return loads[0][bound] if loads and loads[0] else 0.0


def _ends_of_crew(
    crew: CrewPlan, plan: RunPlan, clips: Sequence[Clip], config: Config, bound: int
) -> list[float] | None:
    """Has each clip go to the worker that is done with it first: the longest first, or the cheapest."""
    order = cheapest_first(clips, plan)
    if config.run.order != CHEAPEST_FIRST:
        order.reverse()
    free_s = [_load_s(member.plan, bound) for member in crew.members]
    ends: list[float] = []
    for clip in order:
        spans = [planned_s(clip, member.plan) for member in crew.members]
        known = [(free_s[lane] + span[bound], lane) for lane, span in enumerate(spans) if span is not None]
        if not known:
            return None
        end_s, lane = min(known)
        free_s[lane] = end_s
        ends.append(end_s)
    return sorted(ends)
