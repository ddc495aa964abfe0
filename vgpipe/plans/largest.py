"""The largest clip of a model that fits a device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vgpipe.planner.choice.choose import PlanRequest
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.planner.profile_records import ClipSpec
from vgpipe.plans import figures
from vgpipe.plans.in_words import and_list, changes
from vgpipe.plans.run_plan import RunPlan


class Fit(StrEnum):
    """How a model or a job fits a device, the best first."""

    FULL = "fits"
    CHANGED = "fits, changed"
    TIGHT = "tight"
    SMALLER = "smaller clip"
    NONE = "does not fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Largest:
    """The largest clip of a model that fits a device.

    Attributes:
        model: its name.
        tier: the device.
        reference: the size, frame count and steps that the model was made for.
        request: what the user requests, and what the planner may change.
        forecast: of the largest clip; None where not even the smallest fits.
    """

    model: str
    tier: Tier
    reference: ClipSpec
    request: PlanRequest
    forecast: Forecast | None

    @property
    def fit(self) -> Fit:
        """How it fits."""
        row = self.forecast
        if row is None:
            return Fit.NONE
        if size(row.spec) != size(self.reference):
            return Fit.SMALLER
        return _fit(row, self.request)

    @property
    def verdict(self) -> str:
        """Whether it fits, how long a clip takes and what it needs, in one line; or that nothing fits."""
        row = self.forecast
        if row is None:
            return f"Does not fit {self.tier.title} at any size that was tried."
        smaller = f" {size(row.spec)} instead of {size(self.reference)}" if self.fit is Fit.SMALLER else ""
        changed = changes(row, self.request)
        told = f", with {and_list(changed)}" if changed else ""
        each = figures.clip_seconds(row)
        time = "Time unknown" if each is None else f"{figures.seconds(each)} per clip"
        download = f"{figures.size(row.download_bytes)} download, " if row.download_bytes else ""
        needs = f"{figures.size(row.ram_bytes)} RAM, {download}{figures.size(row.disk_bytes)} disk"
        tightly = " tightly" if row.warnings else ""
        return f"Fits{tightly}{smaller}{told}. {time} on {self.tier.title}; needs {needs}."


def fit_of_plan(plan: RunPlan) -> Fit:
    """Returns how a job fits a device: as its worst kind of clip does."""
    order = list(Fit)
    found = [Fit.NONE if shape.chosen is None else _fit(shape.chosen, plan.request) for shape in plan.shapes]
    return max(found, key=order.index, default=Fit.FULL)


def _fit(row: Forecast, request: PlanRequest) -> Fit:
    if row.warnings:
        return Fit.TIGHT
    return Fit.FULL if request.is_kept_by(row) else Fit.CHANGED


def size(spec: ClipSpec) -> str:
    """Returns `832x480, 81 frames`."""
    return f"{spec.width}x{spec.height}, {spec.num_frames} frames"
