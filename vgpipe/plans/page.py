"""The page of a plan: its verdict, every model on every card, and memory by stage; one file that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vgpipe.planner.choice.reasons import closest
from vgpipe.planner.estimate.fit import CONTEXT_BYTES
from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.plans import figures
from vgpipe.plans.detailed_text import candidate
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.in_words import changes, placement
from vgpipe.plans.largest import Fit, Largest, fit_of_plan, size
from vgpipe.plans.matrix_text import headline_of_largest, headline_of_plans, short_strategy
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.verdict import ram_bytes, shortfall, verdict
from vgpipe.report.page import BASE, asset, rendered, script
from vgpipe.units import counted, to_gib

SCHEMA, VARIABLE, NAME = 1, "vgpipePlan", "plan.html"
MAX_KINDS, MAX_CONSIDERED = 40, 40
SCRIPTS = (
    *("common/icons.js", "common/elements.js", "common/theme.js", "common/copy.js"),
    *("plan/memory.js", "plan/pair.js", "plan/matrix.js", "plan/page.js"),
)
STYLES = (BASE, "templates/plan/plan.css")


def page_of_plans(plans: Sequence[RunPlan], typed: str, now: datetime) -> str:
    """Returns the page of a job's plan, or of its plans on several devices.

    Args:
        plans: at least one.
        typed: the command line that asked for it.
        now: when the job would start.
    """
    told, clips = headline_of_plans(plans), counted(plans[0].clips, "clip")
    about = clips
    if len(plans) == 1:
        told, about = verdict(plans[0], now), f"{plans[0].model}, {clips}"
    return _page(f"Plan: {about}", told, [_of_plan(plan, now) for plan in plans], typed, now)


def page_of_largest(found: Sequence[Largest], typed: str, now: datetime) -> str:
    """Returns the page of the largest clips of some models on some devices.

    Args:
        found: the clips.
        typed: the command line that asked for it.
        now: the time, for the page to say.
    """
    models = list(dict.fromkeys(one.model for one in found))
    about = models[0] if len(models) == 1 else counted(len(models), "model")
    return _page(f"Largest clips: {about}", headline_of_largest(found), [_of_largest(one) for one in found], typed, now)


def _page(title: str, told: str, pairs: Sequence[dict[str, Any]], typed: str, now: datetime) -> str:
    data = {"schema": SCHEMA, "verdict": told, "typed": typed, "made": f"{now:%Y-%m-%d %H:%M}", "pairs": list(pairs)}
    scripts = [script(data, VARIABLE), *(asset(f"templates/{name}") for name in SCRIPTS)]
    return rendered("plan/plan.html.j2", title, scripts, [asset(name) for name in STYLES])


def _of_plan(plan: RunPlan, now: datetime) -> dict[str, Any]:
    """Returns one cell of the matrix, with all that is shown of it: a job on a device."""
    chosen = [shape.chosen for shape in plan.shapes if shape.chosen]
    strategies = "/".join(strategy.value for strategy in plan.strategies().values())
    return {
        **_device(plan.tier),
        "model": plan.model,
        "fit": fit_of_plan(plan).value,
        "verdict": verdict(plan, now),
        "type": list(plan.refusal.nearest) if plan.refusal is not None else [],
        "time": figures.seconds(plan.seconds()) if plan.fits else "",
        "gpu_gb": _gb(max((row.peak_bytes for row in chosen), default=0)) if plan.fits else None,
        "ram_gb": _gb(ram_bytes(plan)) if plan.fits else None,
        "how": short_strategy(strategies) if plan.fits else "",
        "changed": list(dict.fromkeys(one for row in chosen for one in changes(row, plan.request))),
        "kinds": [_kind(shape, plan) for shape in plan.shapes[:MAX_KINDS]],
        "notes": [*(warning for row in chosen for warning in row.warnings), *plan.notes],
    }


def _kind(shape: ShapePlan, plan: RunPlan) -> dict[str, Any]:
    row = shape.chosen or closest(shape.rows, plan.tier, plan.inputs)
    each = figures.seconds(figures.clip_seconds(row))
    return {
        "name": f"{figures.shape(shape.spec)} x {counted(shape.clips, plan.unit)}",
        "said": f"{each} per {plan.unit}" if shape.chosen else f"does not fit: {shortfall(plan, shape)}",
        "stages": [_stage(stage, row, plan.tier) for stage in row.stages],
        "considered": [_considered(one, is_chosen=one is shape.chosen) for one in shape.rows[:MAX_CONSIDERED]],
    }


def _of_largest(found: Largest) -> dict[str, Any]:
    """Returns one cell of the matrix: the largest clip of a model on a device."""
    row = found.forecast
    cell = {
        **_device(found.tier),
        "model": found.model,
        "fit": found.fit.value,
        "verdict": found.verdict,
        "type": [f"model={found.model} hardware={found.tier.name}"],
        "time": "",
        "changed": [],
        "kinds": [],
    }
    if row is None:
        return cell
    kind = {
        "name": figures.shape(row.spec),
        "said": f"{figures.seconds(figures.clip_seconds(row))} per clip",
        "stages": [_stage(stage, row, found.tier) for stage in row.stages],
        "considered": [],
    }
    return {
        **cell,
        "size": size(row.spec) if found.fit is Fit.SMALLER else "",
        "time": figures.seconds(figures.clip_seconds(row)),
        "gpu_gb": _gb(row.peak_bytes),
        "ram_gb": _gb(row.ram_bytes),
        "how": short_strategy(figures.strategy(row)),
        "changed": changes(row, found.request),
        "kinds": [kind],
        "notes": list(row.warnings),
    }


def _device(tier: Tier) -> dict[str, Any]:
    return {
        "card": tier.title,
        "tier": tier.name,
        "kind": tier.kind,
        "context_gb": _gb(CONTEXT_BYTES.get(tier.kind, 0)),
        "usable_gb": None if tier.memory_gb is None else round(tier.memory_gb, 2),
        "have_ram_gb": None if tier.ram_gb is None else round(tier.ram_gb, 2),
    }


def _stage(stage: StageForecast, row: Forecast, tier: Tier) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "time": figures.seconds(stage.seconds),
        "weights_gb": _gb(stage.weight_bytes),
        "activations_gb": _gb(stage.activation_bytes),
        "gpu_gb": _gb(stage.allocated_bytes),
        "ram_gb": _gb(stage.ram_bytes),
        "placed": placement(stage.strategy or row.strategy, tier.kind),
    }


def _considered(row: Forecast, *, is_chosen: bool) -> list[str]:
    return list(candidate(row, is_chosen=is_chosen))


def _gb(size_bytes: float) -> float:
    return to_gib(size_bytes, 3)
