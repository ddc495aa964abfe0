"""The workers of a plan as text: what each holds, and what they take together."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.plans import figures
from vgpipe.plans.crew import CrewMember, CrewPlan
from vgpipe.plans.device_plan import DevicePlan
from vgpipe.plans.run_plan import RunPlan
from vgpipe.terminal import table
from vgpipe.units import GIB, counted

MAX_NAMES = 3


def crew_lines(plan: RunPlan, indent: str) -> list[str]:
    """Returns the lines on a plan's workers; none where there is one.

    Args:
        plan: what was planned.
        indent: what tables begin with.
    """
    crew = plan.crew
    if crew is None:
        return []
    if crew.shares_cores:
        return [f"workers      {_on_cpu(crew)}{_ram(crew)}"]
    head = ("workers", "device", "usable", "holds", "per clip")
    rows = [_row(members) for members in _alike(crew)]
    lines = table([head, *rows], right=(2, 4))
    return [f"workers      {len(crew.members)}{_ram(crew)}", *(f"{indent}{line}" for line in lines)]


def _on_cpu(crew: CrewPlan) -> str:
    most = len(crew.members)
    if crew.needs_trial:
        return f"1 to {most} on this CPU, as a trial at the start decides"
    threads = f", denoising with {counted(crew.threads, 'thread')} each" if crew.threads else ""
    return f"{most} on this CPU{threads}"


def _ram(crew: CrewPlan) -> str:
    if not crew.ram_bytes:  # nothing fits
        return ""
    most = "at most " * crew.needs_trial
    free = "" if crew.free_ram_gb is None else f", {figures.size(crew.free_ram_gb * GIB)} free"
    return f"; {most}{figures.size(crew.ram_bytes)} RAM together{free}"


def _alike(crew: CrewPlan) -> list[list[CrewMember]]:
    """Returns the workers in groups of those with the same plan."""
    groups: dict[int, list[CrewMember]] = {}
    for member in crew.members:
        groups.setdefault(id(member.plan), []).append(member)
    return list(groups.values())


def _row(members: Sequence[CrewMember]) -> tuple[str, ...]:
    plan = members[0].plan
    names = [member.name for member in members]
    shown = ", ".join(names) if len(names) <= MAX_NAMES else f"{names[0]} to {names[-1]}"
    usable = "?" if plan.tier.memory_gb is None else figures.size(plan.tier.memory_gb * GIB)
    spans = [figures.clip_seconds(shape.chosen) for shape in plan.shapes if shape.chosen]
    return shown, plan.tier.title, usable, _held(plan), figures.seconds(figures.hull(spans)) if spans else "-"


def _held(plan: DevicePlan) -> str:
    held = [shape.chosen for shape in plan.shapes if shape.chosen]
    changed = sum(not plan.request.is_kept_by(forecast) for forecast in held)
    note = f", {changed} with other settings" if changed and len(held) > 1 else ", with other settings" * bool(changed)
    if len(plan.shapes) == 1:
        return f"{'every' if held else 'no'} clip{note}"
    return f"{len(held)} of {len(plan.shapes)} kinds{note}"
