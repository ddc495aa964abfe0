"""Whether the disk of the store has room for a job, and what `gc` would free there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vgpipe.garbage.tidying import freeable_bytes
from vgpipe.planner.estimate.fit import exceeds_disk
from vgpipe.planner.forecast_records import Tier
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.run_plan import RunPlan
from vgpipe.units import GIB, format_size

COMMAND = "python -m vgpipe gc"


def with_garbage_counted(plan: RunPlan, store: Path) -> RunPlan:
    """Returns a plan for this machine that says what `gc` would free; one for another machine as it is.

    Args:
        plan: the plan.
        store: the root of the store.
    """
    if plan.tier.disk_gb is None:
        return plan
    counted = replace(plan, gc_frees_bytes=freeable_bytes(store))
    return replace(counted, notes=(*counted.notes, *shortage(counted, store)))


def shortage(plan: RunPlan, store: Path) -> tuple[str, ...]:
    """Returns what is said where a whole job needs more disk than is free, with what `gc` would free; else nothing.

    Args:
        plan: the plan.
        store: the root of the store.
    """
    free_gb, needed_bytes = plan.tier.disk_gb, plan.disk_bytes() + plan.download_bytes
    if free_gb is None or needed_bytes <= free_gb * GIB:
        return ()
    frees_bytes = freeable_bytes(store) if plan.gc_frees_bytes is None else plan.gc_frees_bytes
    return (
        f"the job needs {format_size(needed_bytes)} of disk, {format_size(free_gb * GIB)} free: "
        f"{COMMAND} frees {format_size(frees_bytes)}",
    )


def remedy_of_shape(shape: ShapePlan, tier: Tier, store: Path) -> str:
    """Returns what `gc` would free where a kind of clip does not fit the disk; else nothing.

    Args:
        shape: a kind of clip.
        tier: the device, and how much of its disk is free.
        store: the root of the store.
    """
    if not any(exceeds_disk(row, tier) for row in shape.rows):
        return ""
    frees_bytes = freeable_bytes(store)
    return f"{COMMAND} frees {format_size(frees_bytes)}" if frees_bytes else ""
