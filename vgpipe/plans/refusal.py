"""Refuses a job that cannot fit, and suggests what does."""

from __future__ import annotations

import logging

from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault, VgpipeError
from vgpipe.planner.choice.advice import nearest
from vgpipe.plans.run_plan import RunPlan, ShapePlan
from vgpipe.units import counted

log = logging.getLogger(__name__)


def refuse_what_cannot_fit(found: RunPlan, config: Config) -> None:
    """Refuses a plan of which some clips cannot fit, before anything is loaded.

    Args:
        found: the plan.
        config: the whole config it was made from.

    Raises:
        ConfigError: naming every kind of clip that does not fit, and the nearest that does.
    """
    faults = [_fault(shape, found, config) for shape in found.shapes if shape.chosen is None]
    if faults:
        headline = f"{found.model} does not fit {found.tier.name}; nothing was started"
        raise ConfigError(headline, faults)


def _fault(shape: ShapePlan, found: RunPlan, config: Config) -> Fault:
    spec = shape.spec
    where = f"{spec.width}x{spec.height}, {spec.num_frames} frames ({counted(shape.clips, found.unit)})"
    try:
        advice = nearest(
            spec, found.tier, found.request, found.profiles.lenient, inputs=found.inputs, rules=config.model.rules
        )
    except VgpipeError as error:
        log.debug("no advice: %s", error)
        advice = ()
    if found.unit == "segment":  # what is planned for is a segment, and its length is another setting
        advice = tuple(one.replace("clip.num_frames=", "clip.segment_num_frames=") for one in advice)
    if advice:
        return Fault(where, shape.why, f"fits with {', or '.join(advice)}")
    remedy = "another model or card; run.plan=advise tries it all the same"
    return Fault(where, f"{shape.why}; no smaller clip or other strategy fits either", remedy)
