"""A plan as JSON for programs, schema 1; docs/planning.md documents its keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.crew import CrewMember, CrewPlan
from vgpipe.plans.device_plan import DevicePlan, ShapePlan
from vgpipe.plans.draft_rest import DraftRest
from vgpipe.plans.figures import Span, clip_seconds
from vgpipe.plans.largest import Largest
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.verdict import verdict
from vgpipe.units import to_gib

SCHEMA = 1
DIGITS = 6


def as_json(plans: Sequence[RunPlan]) -> str:
    """Returns plans as one JSON object.

    Args:
        plans: one, or one for each model and device.
    """
    rows = [row for plan in plans for shape in plan.shapes for row in shape_rows(shape, plan.tier)]
    document = {"schema": SCHEMA, "rows": rows, "plans": [summary(plan) for plan in plans]}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def largest_as_json(found: Sequence[Largest]) -> str:
    """Returns, as one JSON object, the largest clip of every model that fits each device; none where none does."""
    known = [(row, one.tier) for one in found if (row := one.forecast) is not None]
    rows = [row_of(row, tier, clips=1, is_chosen=True) for row, tier in known]
    lacking = [{"model": one.model, "tier": one.tier.name} for one in found if one.forecast is None]
    return json.dumps({"schema": SCHEMA, "rows": rows, "nothing_fits": lacking}, indent=1, allow_nan=False) + "\n"


def summary(plan: RunPlan) -> dict[str, Any]:
    """Returns what holds for a whole plan, as plain values."""
    return {
        "model": plan.model,
        "dtype": plan.dtype,
        "tier": tier_of_plan(plan),
        "clips": plan.clips,
        "segments": plan.segments,
        "fits": plan.fits,
        "verdict": verdict(plan),
        "nearest": list(plan.refusal.nearest) if plan.refusal is not None else [],
        "seconds": _span(plan.seconds()),
        "download_gib": _gib(plan.download_bytes),
        "disk_gib": _gib(plan.disk_bytes()),
        "gc_frees_gib": None if plan.gc_frees_bytes is None else _gib(plan.gc_frees_bytes),
        "strategies": {stage: strategy.value for stage, strategy in plan.strategies().items()},
        "stream": plan.stream,
        "why": [shape.why for shape in plan.shapes],
        "notes": list(plan.notes),
        "clip_notes": [{"clip": name, "notes": list(notes)} for name, notes in plan.clip_notes],
        "workers": None if plan.crew is None else crew_of_plan(plan.crew),
        "deadline": None if plan.done_by is None else asdict(plan.done_by),
        "drafts": None if plan.rest is None else _rest(plan.rest, plan.rest_seconds()),
    }


def _rest(rest: DraftRest, seconds: Span | None) -> dict[str, Any]:
    return {"clips": rest.clips, "continue_fits": rest.fits, "continue_seconds": _span(seconds)}


def crew_of_plan(crew: CrewPlan) -> dict[str, Any]:
    """Returns several workers, and what each holds, as plain values."""
    return {
        "count": len(crew.members),
        "needs_trial": crew.needs_trial,
        "denoise_threads": crew.threads,
        "ram_gib": _gib(crew.ram_bytes),
        "free_ram_gib": crew.free_ram_gb,
        "members": [_member(member) for member in crew.members],
    }


def _member(member: CrewMember) -> dict[str, Any]:
    plan = member.plan
    return {
        "worker": member.name,
        "device": plan.device_name,
        "memory_gib": plan.tier.memory_gb,
        "ram_gib": _gib(member.ram_bytes),
        "holds": [_holding(shape, plan) for shape in plan.shapes],
    }


def _holding(shape: ShapePlan, plan: DevicePlan) -> dict[str, Any]:
    spec, chosen = shape.spec, shape.chosen
    return {
        "width": spec.width,
        "height": spec.height,
        "num_frames": spec.num_frames,
        **_steps(spec),
        "fits": chosen is not None,
        "as_requested": chosen is not None and plan.request.is_kept_by(chosen),
        "seconds": None if chosen is None else _span(clip_seconds(chosen)),
        "why": shape.why,
    }


def tier_of_plan(plan: RunPlan) -> dict[str, Any]:
    """Returns the device of a plan, as plain values."""
    tier = plan.tier
    return {
        "name": tier.name,
        "label": tier.title,
        "device": plan.device_name,
        "kind": tier.kind,
        "memory_gib": tier.memory_gb,
        "ram_gib": tier.ram_gb,
        "assumed_ram_gib": tier.assumed_ram_gb,
        "disk_gib": tier.disk_gb,
    }


def shape_rows(shape: ShapePlan, tier: Tier) -> list[dict[str, Any]]:
    """Returns every candidate that was considered for one kind of clip, as plain values."""
    return [row_of(row, tier, clips=shape.clips, is_chosen=row == shape.chosen) for row in shape.rows]


def row_of(forecast: Forecast, tier: Tier, *, clips: int, is_chosen: bool) -> dict[str, Any]:
    """Returns one candidate, as plain values: GiB are 2^30 bytes, seconds and TFLOP those of one clip."""
    spec = forecast.spec
    return {
        "model": forecast.model,
        "width": spec.width,
        "height": spec.height,
        "num_frames": spec.num_frames,
        "strategy": forecast.strategy.value,
        "vae_tiling": forecast.vae_tiling,
        "weights": dict(forecast.weights),
        "stages": {stage.stage: stage_of(stage, forecast) for stage in forecast.stages},
        "peak_allocated_gib": _gib(forecast.peak_bytes),
        "weights_gib": _gib(forecast.weight_bytes),
        "fits": forecast.fits,
        "chosen": is_chosen,
        "tier": tier.name,
        "clips": clips,
        **_steps(spec),
        "guidance_scale": spec.guidance_scale,
        "fps": spec.fps,
        "from_image": spec.from_image,
        **({"last_image": True} if spec.last_image else {}),
        **({"images": spec.num_images} if spec.num_images else {}),
        **({"restyles": True} if spec.restyles else {}),
        "stream": forecast.stream,
        "vae_tile_size": forecast.vae_tile_size,
        "seconds": _span(clip_seconds(forecast)),
        "load_seconds": _span(forecast.load_seconds),
        "download_gib": _gib(forecast.download_bytes),
        "disk_gib": _gib(forecast.disk_bytes),
        "refusals": list(forecast.refusals),
        "warnings": list(forecast.warnings),
    }


def _steps(spec: ClipSpec) -> dict[str, Any]:
    """Returns all steps of a kind of clip, and where fewer are made how many."""
    made = {} if spec.of_steps is None else {"steps_made": spec.num_inference_steps, "draft": spec.is_draft}
    return {"num_inference_steps": spec.of_steps or spec.num_inference_steps, **made}


def stage_of(stage: StageForecast, forecast: Forecast) -> dict[str, Any]:
    """Returns one stage of a forecast, as plain values."""
    return {
        "allocated_gib": _gib(stage.allocated_bytes),
        "reserved_gib": _gib(stage.reserved_bytes),
        "ram_gib": _gib(stage.ram_bytes),
        "file_pages_gib": _gib(stage.file_pages_bytes),
        "tflop": round(stage.flops / 1e12, DIGITS),
        "seconds": _span(stage.seconds),
        "strategy": (stage.strategy or forecast.strategy).value,
        "weights_gib": _gib(stage.weight_bytes),
        "activations_gib": _gib(stage.activation_bytes),
        "transfer_gib": _gib(stage.transfer_bytes),
        "method": stage.method,
    }


def _gib(size_bytes: float) -> float:
    return to_gib(size_bytes, DIGITS)


def _span(span: Span | None) -> list[float] | None:
    return None if span is None else [round(value, 4) for value in span]
