"""What a worker takes from a plan, as values that can be sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vgpipe.config.schema import Config
from vgpipe.job.clip import Clip
from vgpipe.job.segments import segments_of
from vgpipe.memory.strategies import Strategy
from vgpipe.models.base import Family
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.device_plan import DevicePlan
from vgpipe.plans.matching import match
from vgpipe.plans.profiles import Profiles


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What was planned for a device.

    Attributes:
        first: stage -> where its components live to begin with.
        stream: whether offloaded weights are fetched ahead.
        chosen: what was chosen for each kind of clip that fits.
        guidance: whether a clip is guided (negative prompt, two branches) -> the guidance that stands for it.
    """

    first: Mapping[str, Strategy]
    stream: bool
    chosen: tuple[Forecast, ...]
    guidance: Mapping[tuple[bool, bool], float]

    @classmethod
    def of(cls, plan: DevicePlan) -> WorkerPlan:
        """Returns what of a plan is sent."""
        chosen = tuple(shape.chosen for shape in plan.shapes if shape.chosen is not None)
        return cls(plan.strategies(), plan.stream, chosen, plan.profiles.guidance)

    def bound(self, config: Config, family: Family) -> BoundPlan:
        """Returns the plan for clips of a model.

        Args:
            config: the whole config.
            family: drives the model.
        """
        profiles = Profiles(family, config.model.name, "cpu", config.model.reference.fps, dict(self.guidance))
        return BoundPlan(self, profiles)


@dataclass(frozen=True, slots=True)
class BoundPlan:
    """A `WorkerPlan` with the model that it is for; a `StartingPlan`."""

    plan: WorkerPlan
    profiles: Profiles

    @property
    def stream(self) -> bool:
        """Whether offloaded weights are fetched ahead."""
        return self.plan.stream

    def strategies(self) -> dict[str, Strategy]:
        """Returns stage -> where its components live to begin with."""
        return dict(self.plan.first)

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns what was chosen for a pass; None for one that was not planned, or does not fit."""
        return match(self.profiles.kind(clip), {one.spec: one for one in self.plan.chosen})

    def forecasts_of(self, clip: Clip) -> list[Forecast | None]:
        """Returns what was chosen for each pass of a whole clip; None for what was not planned, or does not fit."""
        found = [self.forecast_of(segment.planned) for segment in segments_of(clip)]
        is_draft = found[0] is not None and found[0].spec.is_draft
        return found[:1] if is_draft else found
