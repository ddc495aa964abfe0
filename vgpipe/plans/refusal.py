"""Refuses a job that cannot fit, and suggests what does."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault, VgpipeError
from vgpipe.planner.choice.advice import nearest
from vgpipe.planner.forecast_records import Tier
from vgpipe.plans.crew import CrewPlan
from vgpipe.plans.device_plan import DevicePlan, ShapePlan
from vgpipe.plans.disk_room import remedy_of_shape
from vgpipe.plans.run_plan import Refusal, RunPlan
from vgpipe.units import GIB, counted, format_size

log = logging.getLogger(__name__)

ONE_WORKER = "executor.workers=1"


def refuse_what_cannot_fit(found: RunPlan, config: Config) -> None:
    """Refuses a plan of which some clips cannot fit, before anything is loaded.

    Args:
        found: the plan.
        config: the whole config it was made from.

    Raises:
        ConfigError: naming every kind of clip that does not fit, and the nearest that does.
    """
    refusal = refusal_of(found, config)
    if refusal is not None:
        raise refusal.error


def refusal_of(found: RunPlan, config: Config) -> Refusal | None:
    """Returns why some clips of a plan cannot fit, and what does; None where all fit.

    Args:
        found: the plan.
        config: the whole config it was made from.
    """
    lacking = [shape for shape in found.shapes if shape.chosen is None]
    if not lacking:
        return None
    crew = found.crew
    if crew is not None and crew.fits_alone:
        fault = Fault("executor.workers", f"{_sharing(crew)}: {lacking[0].why}", ONE_WORKER)
        error = ConfigError(f"{found.model} does not fit {_count(crew)}; nothing was started", [fault])
        return Refusal(error=error, nearest=(ONE_WORKER,))
    roomiest = found if crew is None or crew.shares_cores else _roomiest(crew)
    shapes = [shape for shape in roomiest.shapes if shape.spec in {one.spec for one in lacking}]
    found_advice = [(shape, _advice(shape, roomiest, config)) for shape in shapes]
    freeing = [remedy_of_shape(shape, roomiest.tier, Path(config.store.dir)) for shape in shapes]
    faults = [_fault(*one, roomiest, free) for one, free in zip(found_advice, freeing, strict=True)]
    error = ConfigError(f"{found.model} {_where(found)}; nothing was started", faults)
    return Refusal(error=error, nearest=found_advice[0][1], remedy=freeing[0])


def _where(found: RunPlan) -> str:
    if found.crew is None or found.crew.shares_cores:
        return f"does not fit {found.tier.name}"
    gpus = [f"{member.title}, {_usable(member.plan.tier)}" for member in found.crew.members]
    return f"fits none of: {'; '.join(gpus)}"


def _roomiest(crew: CrewPlan) -> DevicePlan:
    """Returns the plan for the GPU with the most memory, for which advice is given."""
    return max((member.plan for member in crew.members), key=lambda plan: plan.tier.memory_gb or math.inf)


def _sharing(crew: CrewPlan) -> str:
    """Returns how much RAM each of several workers has."""
    share_gb, free_gb = crew.members[0].plan.tier.ram_gb, crew.free_ram_gb
    if share_gb is None or free_gb is None:
        return _count(crew)
    return f"{_count(crew)} share {format_size(free_gb * GIB)} of RAM, {format_size(share_gb * GIB)} each"


def _count(crew: CrewPlan) -> str:
    return counted(len(crew.members), "worker")


def _usable(tier: Tier) -> str:
    return "memory unknown" if tier.memory_gb is None else format_size(tier.memory_gb * GIB)


def _advice(shape: ShapePlan, found: DevicePlan, config: Config) -> tuple[str, ...]:
    try:
        advice = nearest(
            shape.spec, found.tier, found.request, found.profiles.lenient, inputs=found.inputs, rules=config.model.rules
        )
    except VgpipeError as error:
        log.debug("no advice: %s", error)
        return ()
    if found.unit == "segment":  # what is planned for is a segment, and its length is another setting
        return tuple(one.replace("clip.num_frames=", "clip.segment_num_frames=") for one in advice)
    return advice


def _fault(shape: ShapePlan, advice: tuple[str, ...], found: DevicePlan, freeing: str) -> Fault:
    spec = shape.spec
    where = f"{spec.width}x{spec.height}, {spec.num_frames} frames ({counted(shape.clips, found.unit)})"
    if advice:
        remedy = f"fits with {', or '.join(advice)}"
        return Fault(where, shape.why, f"{remedy}; {freeing}" if freeing else remedy)
    remedy = freeing or "another model or card; run.plan=advise tries it all the same"
    return Fault(where, f"{shape.why}; no smaller clip or other strategy fits either", remedy)
