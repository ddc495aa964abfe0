"""Whether a forecast fits a device, and why not."""

from __future__ import annotations

from dataclasses import replace

from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.units import GIB, format_size

CONTEXT_BYTES = {"cuda": round(0.45 * GIB), "xpu": round(0.45 * GIB)}
"""Device memory that is taken before the first tensor: kernels and their stack. Published: 0.3 to 0.6 GB."""


def with_verdict(forecast: Forecast, tier: Tier, *, inputs: PlanInputs) -> Forecast:
    """Returns a forecast with the reasons why it does not fit a device, or with what is tight where it fits.

    Args:
        forecast: its own reasons and warnings are replaced.
        tier: the device, and how much of it is usable.
        inputs: the plan's other inputs.
    """
    refusals = [*_device_refusal(forecast, tier, inputs), *_ram_refusal(forecast, tier), *_disk_refusal(forecast, tier)]
    warnings = [] if refusals else _warnings(forecast, tier)
    return replace(forecast, refusals=tuple(refusals), warnings=tuple(warnings))


def context_bytes(tier: Tier, inputs: PlanInputs) -> int:
    """Returns the device memory that is taken before the first tensor."""
    return CONTEXT_BYTES.get(tier.kind, 0) if inputs.context_bytes is None else inputs.context_bytes


def device_need_bytes(forecast: Forecast, tier: Tier, inputs: PlanInputs) -> int:
    """Returns what a forecast needs of the memory that `memory_gb` limits, the device's context included."""
    return forecast.peak_bytes + context_bytes(tier, inputs)


def exceeds_device(forecast: Forecast, tier: Tier, inputs: PlanInputs) -> bool:
    """Returns whether a forecast needs more device memory than is usable."""
    return tier.memory_gb is not None and device_need_bytes(forecast, tier, inputs) > tier.memory_gb * GIB


def exceeds_ram(forecast: Forecast, tier: Tier) -> bool:
    """Returns whether a forecast needs more RAM than is usable."""
    return tier.ram_gb is not None and forecast.ram_bytes > tier.ram_gb * GIB


def exceeds_disk(forecast: Forecast, tier: Tier) -> bool:
    """Returns whether a forecast needs more disk than is free."""
    return tier.disk_gb is not None and forecast.disk_bytes + forecast.download_bytes > tier.disk_gb * GIB


def memory_name(tier: Tier) -> str:
    """Returns what `memory_gb` limits: on a CPU tensors alone, without libraries and the interpreter."""
    return "RAM for tensors" if tier.kind == "cpu" else "device memory"


def _device_refusal(forecast: Forecast, tier: Tier, inputs: PlanInputs) -> list[str]:
    if tier.memory_gb is None or not exceeds_device(forecast, tier, inputs):
        return []
    stage = max(forecast.stages, key=lambda stage: stage.allocated_bytes).stage
    needed = format_size(device_need_bytes(forecast, tier, inputs))
    return [f"{stage} needs {needed} of {memory_name(tier)}, {format_size(tier.memory_gb * GIB)} usable"]


def _ram_refusal(forecast: Forecast, tier: Tier) -> list[str]:
    if tier.ram_gb is None or not exceeds_ram(forecast, tier):
        return []
    stage = max(forecast.stages, key=lambda stage: stage.ram_bytes).stage
    return [f"{stage} needs {format_size(forecast.ram_bytes)} of RAM, {format_size(tier.ram_gb * GIB)} usable"]


def _disk_refusal(forecast: Forecast, tier: Tier) -> list[str]:
    if tier.disk_gb is None or not exceeds_disk(forecast, tier):
        return []
    needed = format_size(forecast.disk_bytes + forecast.download_bytes)
    return [f"the clip needs {needed} of disk, {format_size(tier.disk_gb * GIB)} free"]


def _warnings(forecast: Forecast, tier: Tier) -> list[str]:
    if tier.kind == "cpu" or tier.memory_gb is None:
        return []
    worst = max(forecast.stages, key=lambda stage: stage.reserved_bytes)
    if worst.reserved_bytes <= tier.memory_gb * GIB:
        return []
    reserved, usable = format_size(worst.reserved_bytes), format_size(tier.memory_gb * GIB)
    return [f"tight: the allocator may reserve {reserved} in {worst.stage}, {usable} usable"]
