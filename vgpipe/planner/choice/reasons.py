"""Why a strategy was chosen, or none, in one sentence."""

from __future__ import annotations

from vgpipe.planner.choice.least_ram import AS_LITTLE_RAM_BYTES
from vgpipe.planner.choice.per_stage import strategies_of
from vgpipe.planner.estimate.fit import device_need_bytes, exceeds_device, exceeds_disk, memory_name
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.forecast_records import Forecast, Tier
from vgpipe.units import GIB, format_size
from vgpipe.vocabulary import NATIVE


def why_chosen(
    chosen: Forecast,
    rows: tuple[Forecast, ...],
    tier: Tier,
    inputs: PlanInputs,
    *,
    fastest: Forecast | None,
    is_exact: bool,
) -> str:
    """Returns why a strategy was chosen.

    Args:
        chosen: one of `rows`.
        rows: every strategy that was considered, in order of preference.
        tier: the device.
        inputs: the plan's other inputs.
        fastest: the fastest way that fits; None where it is not known.
        is_exact: whether it computes as requested; else tiles or stored precisions were changed to make it fit.
    """
    name = _name(chosen) if is_exact else f"{_name(chosen)} with {_changes(chosen)} (nothing fits without)"
    skipped = [row for row in rows[: rows.index(chosen)] if not row.fits]
    saved = _saved(chosen, fastest)
    if skipped:
        needs = [f"{', '.join(_need(row, tier, inputs) for row in skipped)}; {_usable(tier)}", *saved]
        return f"{name}: {'; '.join(needs)}"
    if saved:
        return f"{name}: {saved[0]}"
    return f"{name}: {'requested' if len(rows) == 1 else 'the fastest'}, and it fits"


def _saved(chosen: Forecast, fastest: Forecast | None) -> list[str]:
    """Returns what the fastest way would need of RAM, where that is more than the chosen one does."""
    if fastest is None or fastest.ram_bytes <= chosen.ram_bytes + AS_LITTLE_RAM_BYTES:
        return []
    needs = f"needs {format_size(fastest.ram_bytes)} of RAM in place of {format_size(chosen.ram_bytes)}"
    return [f"{_name(fastest)}{', stream' if fastest.stream else ''} is about as fast and {needs}"]


def why_nothing_fits(rows: tuple[Forecast, ...], tier: Tier, inputs: PlanInputs) -> str:
    """Returns which strategy comes closest, and what it lacks.

    Args:
        rows: every strategy that was considered.
        tier: the device.
        inputs: the plan's other inputs.
    """
    nearest = closest(rows, tier, inputs)
    return f"nothing fits; {_name(nearest)} comes closest: {'; '.join(nearest.refusals)}"


def closest(rows: tuple[Forecast, ...], tier: Tier, inputs: PlanInputs) -> Forecast:
    """Returns which strategy lacks least, of some that do not fit."""
    return min(rows, key=lambda row: (len(row.refusals), device_need_bytes(row, tier, inputs)))


def _name(row: Forecast) -> str:
    """Returns the strategy of a forecast, or those of its stages."""
    stages = strategies_of(row)
    if len(set(stages.values())) == 1:
        return next(iter(stages.values())).value
    return ", ".join(f"{stage} {strategy.value}" for stage, strategy in stages.items())


def _changes(row: Forecast) -> str:
    stored = [f"{name} as {precision}" for name, precision in row.weights.items() if precision != NATIVE]
    return " and ".join([*(["VAE tiling"] if row.vae_tiling else []), *stored])


def _need(row: Forecast, tier: Tier, inputs: PlanInputs) -> str:
    if exceeds_disk(row, tier) and len(row.refusals) == 1:
        return f"{_name(row)} needs {format_size(row.disk_bytes + row.download_bytes)} of disk"
    if exceeds_device(row, tier, inputs):
        return f"{_name(row)} needs {format_size(device_need_bytes(row, tier, inputs))}"
    return f"{_name(row)} needs {format_size(row.ram_bytes)} of RAM"


def _usable(tier: Tier) -> str:
    limits = [] if tier.memory_gb is None else [f"{format_size(tier.memory_gb * GIB)} of {memory_name(tier)}"]
    limits += [] if tier.ram_gb is None else [f"{format_size(tier.ram_gb * GIB)} of RAM"]
    if limits:
        return f"{' and '.join(limits)} usable"
    return "too little disk" if tier.disk_gb is None else f"{format_size(tier.disk_gb * GIB)} of disk free"
