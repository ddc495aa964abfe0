"""The plan of a job on one device, as records: what is planned for each kind of clip, and what that adds up to."""

from __future__ import annotations

from dataclasses import dataclass

from vgpipe.clips.notes import Noted
from vgpipe.job.clip import Clip
from vgpipe.memory.strategies import OFFLOADS, Strategy, most_frugal
from vgpipe.planner.choice.choose import PlanRequest
from vgpipe.planner.choice.per_stage import strategies_of
from vgpipe.planner.estimate.host_memory import PlanInputs, kept_bytes
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans.figures import Span, added, clip_seconds, times
from vgpipe.plans.matching import match
from vgpipe.plans.profiles import Profiles
from vgpipe.plans.target import Target
from vgpipe.vocabulary import MODEL_STAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapePlan:
    """What is planned for the clips of one kind.

    Attributes:
        spec: the kind.
        clips: how many there are; each segment of a long clip counts.
        rows: every candidate that was considered, the requested one first.
        chosen: the fastest of them that fits; None where none does.
        why: one sentence.
    """

    spec: ClipSpec
    clips: int
    rows: tuple[Forecast, ...]
    chosen: Forecast | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """What a job takes on one device.

    Attributes:
        model: its name.
        dtype: torch name of its precision.
        target: the device.
        request: what is requested and may be changed.
        clips: how many there are; a long one counts once.
        longest_frames_bytes: decoded frames of the longest clip, which stay on the disk until it is complete.
        shapes: the kinds of clips and segments, in job order.
        profiles: provides profiles, for later questions.
        inputs: the other inputs of the plan.
        notes: what the user should know, a sentence each.
        clip_notes: what the user should know of single clips: id and sentences of those that have any.
        gc_frees_bytes: what `gc` would free where the store is; None where it was not counted.
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
    clip_notes: tuple[Noted, ...] = ()
    gc_frees_bytes: int | None = None

    @property
    def tier(self) -> Tier:
        """The device's figures."""
        return self.target.tier

    @property
    def device_name(self) -> str:
        """The name of the device."""
        return self.target.device_name

    @property
    def download_bytes(self) -> int:
        """Weight files that are not on the disk yet."""
        return self.inputs.download_bytes

    @property
    def segments(self) -> int:
        """The number of denoising passes: clips, and segments of long ones."""
        return sum(shape.clips for shape in self.shapes)

    @property
    def unit(self) -> str:
        """The noun for what is counted: `clip`, or `segment` where there are long clips."""
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
            return dict.fromkeys(MODEL_STAGES, self.request.strategy or Strategy.STAGED)
        return {stage: most_frugal(one.get(stage, Strategy.RESIDENT) for one in found) for stage in MODEL_STAGES}

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns what was chosen for a pass; None for one that was not planned, or does not fit."""
        return self.chosen_for(self.profiles.kind(clip))

    def forecasts_of(self, clip: Clip) -> list[Forecast | None]:
        """Returns what was chosen for each pass of a whole clip; None for what was not planned, or does not fit."""
        return [self.chosen_for(kind) for kind in self.profiles.kinds(clip)]

    def chosen_for(self, kind: ClipSpec) -> Forecast | None:
        """Returns what was chosen for a kind of pass; None for one that was not planned, or does not fit."""
        return match(kind, {shape.spec: shape.chosen for shape in self.shapes})

    def seconds_alone(self) -> Span | None:
        """Returns how long the clips that fit take one worker, loading each component once; None where unknown."""
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


def _offloads(forecast: Forecast) -> bool:
    return any(strategy in OFFLOADS for strategy in strategies_of(forecast).values())
