"""From the config and the clips of a job to a plan: the one place of the planner that opens the config."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.from_config import file_bytes_per_pixel
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault, VgpipeError
from vgpipe.job.clip import Clip
from vgpipe.job.segments import segments_of
from vgpipe.memory.strategies import AUTO, OFFLOADS, Strategy, most_frugal
from vgpipe.models.base import Family
from vgpipe.planner.choice.advice import nearest
from vgpipe.planner.choice.choose import PlanRequest, ProfileOf, plan
from vgpipe.planner.choice.per_stage import strategies_of
from vgpipe.planner.estimate.calibration import efficiency_of
from vgpipe.planner.estimate.host_memory import PlanInputs, kept_bytes
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.planner.profiling.profile_cache import default_folder
from vgpipe.plans.inputs import download_bytes
from vgpipe.plans.profiles import PlanError, Profiles
from vgpipe.plans.target import Target, target_of
from vgpipe.plans.wording import Span, added, clip_seconds, counted, times
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE, GGUF, NATIVE

log = logging.getLogger(__name__)

STAGES = ("encode", "denoise", "decode")
STRICT = "strict"

__all__ = [
    "STAGES",
    "PlanError",
    "RunPlan",
    "ShapePlan",
    "make_plan",
    "plan_run",
    "refuse_what_cannot_fit",
    "request_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapePlan:
    """What is planned for the clips of one kind.

    Attributes:
        spec: the kind.
        clips: how many there are, a segment of a long clip counting as one.
        rows: every way that was considered, as asked first.
        chosen: the fastest of them that fits; None where none does.
        why: one sentence.
    """

    spec: ClipSpec
    clips: int
    rows: tuple[Forecast, ...]
    chosen: Forecast | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a job takes.

    Attributes:
        model: its name.
        dtype: torch name of its precision.
        target: the device.
        request: what was asked for and may be done.
        clips: how many there are, a long one counting once.
        longest_frames_bytes: decoded frames of the longest clip, which wait on the disk until it is complete.
        shapes: the kinds of clips and segments, in job order.
        profiles: gives profiles, for questions that come later.
        inputs: what else it rests on.
        notes: what the user should know, a sentence each.
    """

    model: str
    dtype: str
    target: Target
    request: PlanRequest
    clips: int
    longest_frames_bytes: int
    shapes: tuple[ShapePlan, ...]
    profiles: Profiles
    inputs: PlanInputs
    notes: tuple[str, ...] = ()

    @property
    def tier(self) -> Tier:
        """The device's figures."""
        return self.target.tier

    @property
    def device_name(self) -> str:
        """What the device is called."""
        return self.target.device_name

    @property
    def download_bytes(self) -> int:
        """Weight files that are not on the disk yet."""
        return self.inputs.download_bytes

    @property
    def segments(self) -> int:
        """What goes through the stages one by one: clips, and the segments of long ones."""
        return sum(shape.clips for shape in self.shapes)

    @property
    def unit(self) -> str:
        """What its kinds are kinds of: `clip`, or `segment` where there are long clips."""
        return "segment" if self.segments > self.clips else "clip"

    @property
    def fits(self) -> bool:
        """Whether every kind of clip does."""
        return all(shape.chosen is not None for shape in self.shapes)

    @property
    def stream(self) -> bool:
        """Whether offloaded weights are fetched ahead: only where that fits every kind of clip that offloads."""
        offloading = [shape.chosen for shape in self.shapes if shape.chosen and _offloads(shape.chosen)]
        return bool(offloading) and all(forecast.stream for forecast in offloading)

    def strategies(self) -> dict[str, Strategy]:
        """Returns stage -> where its components live: the most frugal that any kind of clip needs."""
        found = [strategies_of(shape.chosen) for shape in self.shapes if shape.chosen]
        if not found:
            return dict.fromkeys(STAGES, self.request.strategy or Strategy.STAGED)
        return {stage: most_frugal(one.get(stage, Strategy.RESIDENT) for one in found) for stage in STAGES}

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns what was chosen for a clip; None where it was not planned for, or does not fit."""
        kind = self.profiles.kind(clip)
        return next((shape.chosen for shape in self.shapes if shape.spec == kind), None)

    def seconds(self) -> Span | None:
        """Returns how long the whole job takes, loading each component once; None where that is not known."""
        if not self.fits:
            return None
        chosen = [(shape.chosen, shape.clips) for shape in self.shapes if shape.chosen]
        load = chosen[0][0].load_seconds if chosen else None
        return added([*(times(clip_seconds(row), clips) for row, clips in chosen), load or (0.0, 0.0)])

    def disk_bytes(self) -> int:
        """Returns what the job leaves in the store, and the most that frames and waiting weights take meanwhile."""
        chosen = [(row, shape.clips, self._kept_bytes(row)) for shape in self.shapes if (row := shape.chosen)]
        passing = max((row.disk_bytes - kept for row, _, kept in chosen), default=0)
        return max(passing, self.longest_frames_bytes) + sum(kept * clips for _, clips, kept in chosen)

    def _kept_bytes(self, row: Forecast) -> int:
        return kept_bytes(self.profiles.lenient(row.spec, row.vae_tiling, row.vae_tile_size), self.inputs)


def plan_run(config: Config, family: Family, clips: Sequence[Clip]) -> RunPlan:
    """Plans what a run on this machine takes.

    Args:
        config: the whole config, its model's precision decided.
        family: drives the model.
        clips: those that are still to be made.

    Raises:
        PlanError: where no plan can be made for this model.
    """
    target = target_of(config.hardware, for_run=True, folder=Path(config.store.dir))
    return make_plan(config, family, clips, target, download_bytes=download_bytes(family))


def make_plan(
    config: Config,
    family: Family,
    clips: Sequence[Clip],
    target: Target,
    *,
    download_bytes: int,
    notes: Sequence[str] = (),
) -> RunPlan:
    """Plans what some clips take on a device.

    Args:
        config: the whole config, its model's precision decided.
        family: drives the model; its weights need not be there.
        clips: what is to be made.
        target: the device.
        download_bytes: weight files that are not on the disk yet.
        notes: what the user should know, a sentence each.

    Raises:
        PlanError: where no plan can be made for this model.
    """
    model, request = config.model.name, request_of(config)
    inputs = _inputs(config, family, target, download_bytes, len(clips))
    profiles = Profiles(family, model, target.tier.kernels, config.model.reference.fps)
    kinds = Counter(profiles.kind(one.planned) for clip in clips for one in segments_of(clip))
    shapes = tuple(_shape(spec, count, target.tier, request, profiles, inputs) for spec, count in kinds.items())
    return RunPlan(
        model=model,
        dtype=config.model.dtype,
        target=target,
        request=request,
        clips=len(clips),
        longest_frames_bytes=max((clip.width * clip.height * 3 * clip.num_frames for clip in clips), default=0),
        shapes=shapes,
        profiles=profiles,
        inputs=inputs,
        notes=tuple(notes),
    )


def request_of(config: Config) -> PlanRequest:
    """Returns what the config asks for, and what `run.degrade` lets the plan add to it."""
    memory, is_strict = config.memory, config.run.degrade == STRICT
    return PlanRequest(
        strategy=None if memory.strategy == AUTO else Strategy(memory.strategy),
        weights={name: stored for name, stored in memory.weights.items() if stored != NATIVE},
        vae_tiling=memory.vae_tiling,
        vae_tile_size=memory.vae_tile_size,
        stream=memory.stream,
        may_tile=not is_strict and memory.vae_tiling is None,
        may_shrink_weights=not is_strict,
    )


def _shape(
    spec: ClipSpec, clips: int, tier: Tier, request: PlanRequest, profiles: Profiles, inputs: PlanInputs
) -> ShapePlan:
    """Plans what was asked for first, so that its figures are there also where something else is chosen."""
    exact = replace(request, may_tile=False, may_shrink_weights=False)
    found = plan(spec, tier, exact, profiles, inputs=inputs)
    rows = found.rows
    if found.chosen is None and exact != request:
        found = plan(spec, tier, request, _fitting(profiles, request), inputs=inputs)
        for size in profiles.smaller_tiles(spec) if found.chosen is None and request.may_tile else ():
            tiled = replace(request, vae_tiling=True, vae_tile_size=size)
            found = plan(spec, tier, tiled, _fitting(profiles, request), inputs=inputs)
            if found.chosen is not None:
                break
        rows = rows if found.rows == rows else (*rows, *found.rows)
    return ShapePlan(spec=spec, clips=clips, rows=rows, chosen=found.chosen, why=found.why)


def _fitting(profiles: Profiles, request: PlanRequest) -> ProfileOf:
    """Returns what gives profiles for a wish: tiles that the user asked for must be had, others need not."""
    return profiles if request.vae_tiling else profiles.lenient


def _inputs(config: Config, family: Family, target: Target, download_bytes: int, clips: int) -> PlanInputs:
    checkpoint, variant = family.checkpoint, family.settings.variant
    stored = family.settings.quantization
    files = [name for name in family.components() if stored.get(name) == GGUF or checkpoint.source(name).file]
    attention = family.settings.attention
    known = {
        stage: efficiency_of(default_folder(), device=target.device_name, stage=stage, attention=attention)
        for stage in STAGES
    }
    return PlanInputs(
        download_bytes=download_bytes,
        file_bytes={name: checkpoint.size_bytes(name, variant) for name in files},
        clips=config.executor.wave_size or max(clips, 1),
        attention=attention,
        efficiency={stage: share for stage, share in known.items() if share is not None},
        file_bytes_per_pixel=file_bytes_per_pixel(config),
    )


def _offloads(forecast: Forecast) -> bool:
    return any(strategy in OFFLOADS for strategy in strategies_of(forecast).values())


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


GIB = 1 << 30


def first_strategies(config: Config, plan: RunPlan | None) -> dict[str, Strategy]:
    """Returns stage -> where its components live to begin with; `staged` where nothing says otherwise."""
    if plan is not None:
        return plan.strategies()
    wanted = config.memory.strategy
    return dict.fromkeys((ENCODE, DENOISE, DECODE), Strategy.STAGED if wanted == AUTO else Strategy(wanted))


def streams(config: Config, plan: RunPlan | None, device: str) -> bool:
    """Says whether offloaded weights are fetched ahead; only on a CUDA device."""
    wanted = config.memory.stream
    planned = plan is not None and plan.stream
    return device.startswith("cuda") and (planned if wanted is None else wanted)


def predicted_peak_gb(plan: RunPlan | None, state: ClipState) -> float | None:
    """Returns the largest peak of device memory that the plan foresaw for a clip, GiB; None where it has none."""
    found = [plan.forecast_of(segment.planned) for segment in state.segments] if plan else []
    peaks = [forecast.peak_bytes for forecast in found if forecast is not None]
    return round(max(peaks) / GIB, 4) if peaks else None
