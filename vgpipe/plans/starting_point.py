"""What a run takes from its plan: where components live to begin with, and the peaks foreseen."""

from __future__ import annotations

from typing import Protocol

from vgpipe.clips.clip_state import ClipState
from vgpipe.config.schema import Config, RunConfig
from vgpipe.job.clip import Clip
from vgpipe.memory.strategies import AUTO, Strategy
from vgpipe.planner.forecast_records import Forecast
from vgpipe.units import to_gib
from vgpipe.vocabulary import ANY, MODEL_STAGES


class StartingPlan(Protocol):
    """A plan, as far as a run begins with what it says: a `RunPlan`, or what a worker was sent of one."""

    @property
    def stream(self) -> bool:
        """Whether offloaded weights are fetched ahead."""

    def strategies(self) -> dict[str, Strategy]:
        """Returns stage -> where its components live to begin with."""

    def forecast_of(self, clip: Clip) -> Forecast | None:
        """Returns what was chosen for a pass; None where it says nothing."""

    def forecasts_of(self, clip: Clip) -> list[Forecast | None]:
        """Returns what was chosen for each pass of a whole clip; None where it says nothing."""


def first_strategies(config: Config, plan: StartingPlan | None) -> dict[str, Strategy]:
    """Returns stage -> where its components live to begin with; `staged` where nothing says otherwise."""
    if plan is not None:
        return plan.strategies()
    wanted = config.memory.strategy
    return dict.fromkeys(MODEL_STAGES, Strategy.STAGED if wanted == AUTO else Strategy(wanted))


def streams(config: Config, plan: StartingPlan | None, device: str) -> bool:
    """Says whether offloaded weights are fetched ahead; only on a CUDA device."""
    wanted = config.memory.stream
    planned = plan is not None and plan.stream
    return device.startswith("cuda") and (planned if wanted is None else wanted)


def refuses_what_cannot_fit(run: RunConfig) -> bool:
    """Says whether a clip that does not fit, by the plan, is refused; else it is tried, or a smaller one instead."""
    return run.plan == "enforce" and run.degrade != ANY


def predicted_peak_gb(plan: StartingPlan | None, state: ClipState) -> float | None:
    """Returns the largest peak of device memory that the plan predicts for a clip, GiB; None where it has none."""
    found = [plan.forecast_of(segment.planned) for segment in state.segments] if plan else []
    peaks = [forecast.peak_bytes for forecast in found if forecast is not None]
    return to_gib(max(peaks), 4) if peaks else None
