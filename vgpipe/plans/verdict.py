"""The first line of a plan: whether a job fits, how long it takes, what it needs; or the nearest that does fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from vgpipe.planner.choice.reasons import closest
from vgpipe.planner.estimate.fit import device_need_bytes, exceeds_device, exceeds_disk, exceeds_ram
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans import figures
from vgpipe.plans.device_plan import DevicePlan, ShapePlan
from vgpipe.plans.in_words import advised, and_list, changes
from vgpipe.plans.run_plan import RunPlan
from vgpipe.units import GIB, counted

MAX_DEVICES = 3
NOTHING_SMALLER = "No smaller clip and no other strategy fits either: choose another model or card."


def verdict(plan: RunPlan, now: datetime | None = None) -> str:
    """Returns whether a job fits, in one line.

    Args:
        plan: what was planned.
        now: when the job would start; None leaves out when it would be finished.

    Returns:
        `Fits. 29-67 min per clip on RTX 3060 12GB, finished about 07:40 (07:10-08:20); needs 17 GB RAM, 27 GB download,
        4 GB disk.`, or `Does not fit: ... Nearest that does: ... (type: ...)`. A GB is 2^30 bytes.
    """
    if not plan.shapes:
        return "Nothing to render."
    return _fits(plan, now) if plan.fits else _refused(plan)


def _fits(plan: RunPlan, now: datetime | None) -> str:
    return f"{_how(plan)}. {_time(plan, now)}; needs {', '.join(_needs(plan))}."


def _how(plan: RunPlan) -> str:
    """Returns that it fits, and which settings were changed to make it fit."""
    chosen = [shape.chosen for shape in plan.shapes if shape.chosen]
    fits = "Fits tightly" if any(row.warnings for row in chosen) else "Fits"
    changed = [found for row in chosen if (found := changes(row, plan.request))]
    told = and_list(list(dict.fromkeys(one for found in changed for one in found))) if changed else ""
    if not told:
        return fits
    some = f"{len(changed)} of {len(chosen)} kinds of clip " if len(changed) < len(chosen) else ""
    return f"{fits}, {some}with {told}"


def noun(plan: DevicePlan) -> str:
    """Returns the noun for what a plan counts: a clip, the segment of a long one, or a draft."""
    return "draft" if all(shape.spec.is_draft for shape in plan.shapes) else plan.unit


def _time(plan: RunPlan, now: datetime | None) -> str:
    each = figures.hull(figures.clip_seconds(shape.chosen) for shape in plan.shapes if shape.chosen)
    if each is None:
        return f"Time unknown on {device(plan)}"
    name, total = noun(plan), plan.seconds()
    together = f" ({counted(plan.clips, 'clip')} in {figures.seconds(total)})" if plan.segments > 1 else ""
    end = "" if now is None else f", finished {figures.about(total, now)}"
    seconds = figures.seconds(each)
    return f"{seconds[0].upper()}{seconds[1:]} per {name}{together} on {device(plan)}{end}"


def device(plan: RunPlan) -> str:
    """Returns what people call the device of a plan, or those of its workers."""
    crew, name = plan.crew, plan.tier.title
    if crew is None:
        return name
    if crew.shares_cores:
        return f"{name} with {'up to ' * crew.needs_trial}{counted(len(crew.members), 'worker')}"
    names = [member.plan.tier.title for member in crew.members]
    found = [f"{names.count(one)} x {one}" if names.count(one) > 1 else one for one in dict.fromkeys(names)]
    return and_list(found) if len(found) <= MAX_DEVICES else f"{len(names)} GPUs"


def _needs(plan: RunPlan) -> Iterator[str]:
    yield f"{figures.size(ram_bytes(plan))} RAM"
    if plan.download_bytes:
        yield f"{figures.size(plan.download_bytes)} download"
    yield f"{figures.size(plan.disk_bytes())} disk"


def ram_bytes(plan: RunPlan) -> int:
    """Returns the most RAM that a job takes, all its workers together."""
    if plan.crew is not None:
        return plan.crew.ram_bytes
    return max((shape.chosen.ram_bytes for shape in plan.shapes if shape.chosen), default=0)


def _refused(plan: RunPlan) -> str:
    lacking = [shape for shape in plan.shapes if shape.chosen is None]
    some = f"{len(lacking)} of {len(plan.shapes)} kinds of clip, such as " if len(plan.shapes) > 1 else ""
    kind = f"{some}{figures.shape(lacking[0].spec)}: " if some else ""
    return f"Does not fit: {kind}{shortfall(plan, lacking[0])}.{_nearest(plan)}"


def shortfall(plan: DevicePlan, shape: ShapePlan) -> str:
    """Returns what the configuration that comes closest lacks: `decode needs 8.1 GB of GPU memory, ... has 8 GB`."""
    row = closest(shape.rows, plan.tier, plan.inputs)
    return "; ".join(_lacks(plan, row)) or shape.why


def _lacks(plan: DevicePlan, row: Forecast) -> Iterator[str]:
    tier, inputs = plan.tier, plan.inputs
    if tier.memory_gb is not None and exceeds_device(row, tier, inputs):
        stage = max(row.stages, key=lambda one: one.allocated_bytes).stage
        memory = "RAM for tensors" if tier.kind == "cpu" else "GPU memory"
        need = figures.size_up(device_need_bytes(row, tier, inputs))
        yield f"{stage} needs {need} of {memory}, {tier.title} has {figures.size(tier.memory_gb * GIB)} usable"
    if tier.ram_gb is not None and exceeds_ram(row, tier):
        stage = max(row.stages, key=lambda one: one.ram_bytes).stage
        have = f"{figures.size(tier.ram_gb * GIB)} {'free' if plan.target.is_here else 'usable'}"
        assumed = "" if tier.assumed_ram_gb is None else f" of {tier.assumed_ram_gb:g} GB"
        yield f"{stage} needs {figures.size_up(row.ram_bytes)} of RAM, {have}{assumed}"
    if tier.disk_gb is not None and exceeds_disk(row, tier):
        need = figures.size_up(row.disk_bytes + row.download_bytes)
        yield f"a clip needs {need} of disk, {figures.size(tier.disk_gb * GIB)} free"


def _nearest(plan: RunPlan) -> str:
    if plan.refusal is None:
        return ""
    if not plan.refusal.nearest:
        return f" {plan.refusal.remedy or NOTHING_SMALLER}"
    first = plan.refusal.nearest[0]
    return f" Nearest that does: {advised(first)} (type: {first})"
