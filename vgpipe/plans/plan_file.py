"""plan.json of a run: what was predicted, and afterwards what was measured."""

from __future__ import annotations

import logging
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from vgpipe.clips.clip_state import ClipState, SegmentState
from vgpipe.errors import StoreError
from vgpipe.memory.strategies import OFFLOADS
from vgpipe.planner.estimate.calibration import record
from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.as_json import SCHEMA, row_of, shape_rows, summary
from vgpipe.plans.run_plan import RunPlan
from vgpipe.store.rundir import RunDir
from vgpipe.units import GIB, to_gib
from vgpipe.user_cache import user_cache_folder
from vgpipe.vocabulary import DENOISE, MODEL_STAGES

log = logging.getLogger(__name__)


def write_plan(run_dir: RunDir, plan: RunPlan) -> None:
    """Writes plan.json of a run that starts or resumes.

    Raises:
        StoreError: where the directory cannot be written.
    """
    shapes = [
        {
            "clips": shape.clips,
            "why": shape.why,
            "chosen": row_of(shape.chosen, plan.tier, clips=shape.clips, is_chosen=True) if shape.chosen else None,
            "considered": shape_rows(shape, plan.tier),
        }
        for shape in plan.shapes
    ]
    run_dir.write_plan({"schema": SCHEMA, **summary(plan), "shapes": shapes, "measured": []})


def write_measured(run_dir: RunDir, plan: RunPlan, states: Iterable[ClipState]) -> None:
    """Adds to plan.json what the run measured, stage by stage, and keeps it for the next plan of this machine.

    A file that cannot be written is a warning in the log, since the clips are done.

    Args:
        run_dir: of the run.
        plan: what was predicted.
        states: the clips; those without a plan or a measurement, or made with other settings because memory ran out,
            are left out.
    """
    document = run_dir.read_plan()
    if document is None:
        return
    groups: dict[tuple[ClipSpec, str], list[SegmentState]] = defaultdict(list)
    for state in states:
        if not state.is_reused:
            for segment in state.segments:
                kind = _kind(segment, plan)
                for stage in _stages_to_compare(segment, plan.chosen_for(kind)):
                    groups[kind, stage].append(segment)
    document["measured"] = [_compared(plan, kind, stage, found) for (kind, stage), found in groups.items()]
    try:
        run_dir.write_plan(document)
    except StoreError as error:
        log.warning("%s", error)


def _kind(segment: SegmentState, plan: RunPlan) -> ClipSpec:
    """Returns what was planned for a segment: it may make fewer than all its steps."""
    kinds, at = plan.profiles.kinds(segment.parent.clip), segment.segment.index
    return kinds[at] if at < len(kinds) else plan.profiles.kind(segment.planned)


def _stages_to_compare(segment: SegmentState, forecast: Forecast | None) -> list[str]:
    """Returns the stages of a segment that were measured as they were planned."""
    if forecast is None:
        return []
    is_piece = segment.segment.trajectory is not None  # the first denoises for all others
    own = [stage for stage in MODEL_STAGES if segment.seconds.get(stage) and stage not in segment.families]
    return [stage for stage in own if not is_piece or stage == MODEL_STAGES[-1]]


def _compared(plan: RunPlan, kind: ClipSpec, stage: str, segments: Sequence[SegmentState]) -> dict[str, Any]:
    forecast = plan.chosen_for(kind)
    predicted = next((one for one in forecast.stages if one.stage == stage), None) if forecast else None
    # The first clip of a job also encodes the negative prompt that all share.
    typical = min if stage == MODEL_STAGES[0] else statistics.median
    seconds = typical([one.seconds[stage] for one in segments])
    device_gb = _largest(one.peaks[stage].device_gb for one in segments if stage in one.peaks)
    ram_gb = _largest(one.peaks[stage].ram_gb for one in segments if stage in one.peaks)
    if forecast and predicted and (plan.crew is None or plan.crew.are_alike):
        _keep(plan, forecast, predicted, seconds, device_gb, ram_gb)
    clip = segments[0].clip
    return {
        "stage": stage,
        "width": clip.width,
        "height": clip.height,
        "num_frames": clip.num_frames,
        "clips": len(segments),
        "predicted": _predicted(predicted),
        "measured": {"seconds": round(seconds, 4), "allocated_gib": device_gb, "ram_gib": ram_gb},
    }


def _predicted(stage: StageForecast | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    return {
        "seconds": None if stage.seconds is None else list(stage.seconds),
        "allocated_gib": to_gib(stage.allocated_bytes),
        "ram_gib": to_gib(stage.resident_bytes),  # what a run measures
    }


def _keep(
    plan: RunPlan,
    forecast: Forecast,
    stage: StageForecast,
    seconds: float,
    device_gb: float | None,
    ram_gb: float | None,
) -> None:
    # Then its time says little of the rate that the device computes at.
    is_cached = stage.stage == DENOISE and plan.inputs.cache is not None
    waits = (
        is_cached
        or (stage.strategy or forecast.strategy) in OFFLOADS
        or (plan.crew is not None and plan.crew.shares_cores)
    )
    record(
        user_cache_folder(),
        device=plan.device_name,
        attention=plan.inputs.attention,
        stage=stage.stage,
        model=forecast.model,
        flops=stage.flops,
        seconds=seconds,
        expected_s=None if waits else stage.expected_s,
        predicted_bytes=stage.allocated_bytes,
        measured_bytes=_bytes(device_gb),
        predicted_ram_bytes=stage.resident_bytes,
        measured_ram_bytes=_bytes(ram_gb),
    )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _bytes(size_gb: float | None) -> int | None:
    return None if size_gb is None else round(size_gb * GIB)
