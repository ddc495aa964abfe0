"""What `plan --verbose` adds: operations, transfers, reserved memory, and every configuration that was considered."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.plans import figures
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.terminal import table
from vgpipe.vocabulary import NATIVE

INDENT = "  "
CANDIDATE = ("considered", "VAE", "weights", "peak GiB", "RAM GiB", "per clip", "fits")
"""The head of `candidate`."""


def stage_details(forecast: Forecast, tier: Tier) -> list[str]:
    """Returns a table of the stages with all that is known of each, and the settings that hold for all.

    Args:
        forecast: what was chosen.
        tier: the device.
    """
    memory = "tensors GiB" if tier.kind == "cpu" else "GPU GiB"
    head = ("stage", "strategy", memory, "weights", "activations", "reserved", "RAM GiB", "TFLOP", "moved GiB")
    rows = [_stage(forecast, stage) for stage in forecast.stages]
    weights = figures.weights(forecast)
    quantized = "no quantization" if weights == NATIVE else f"quantized: {weights}"
    settings = f"VAE {figures.tiling(forecast)}; {quantized}; weights {'' if forecast.stream else 'not '}prefetched"
    return _indented([*table([head, *rows], right=range(2, len(head))), settings])


def _stage(forecast: Forecast, stage: StageForecast) -> tuple[str, ...]:
    return (
        stage.stage,
        figures.stage_strategy(forecast, stage),
        figures.gib(stage.allocated_bytes),
        figures.gib(stage.weight_bytes),
        figures.gib(stage.activation_bytes),
        figures.gib(stage.reserved_bytes),
        figures.gib(stage.ram_bytes),
        figures.tera(stage.flops),
        figures.gib(stage.transfer_bytes),
    )


def considered(shape: ShapePlan, width: int | None, most: int) -> list[str]:
    """Returns a table of the configurations that were considered for a kind of clip, the requested one first.

    Args:
        shape: what is planned for it.
        width: columns of the terminal; None keeps every row on one line.
        most: how many to list.
    """
    head = CANDIDATE
    rows = [candidate(row, is_chosen=row is shape.chosen) for row in shape.rows[:most]]
    hidden = len(shape.rows) - len(rows)
    more = [f"{INDENT}and {hidden} more: --json lists all"] if hidden > 0 else []
    room = None if width is None else width - len(INDENT)
    return ["", *_indented(table([head, *rows], right=(3, 4, 5), width=room)), *more]


def candidate(row: Forecast, *, is_chosen: bool) -> tuple[str, ...]:
    """Returns a row of the table of what was considered."""
    verdict = "chosen" if is_chosen else ("yes" if row.fits else "no: " + "; ".join(map(_brief, row.refusals)))
    if row.fits and row.warnings:
        verdict = f"{verdict}, tight"
    stream = ", stream" if row.stream else ""
    return (
        figures.strategy(row) + stream,
        figures.tiling(row),
        figures.weights(row),
        figures.gib(row.peak_bytes),
        figures.gib(max(stage.ram_bytes for stage in row.stages)),
        figures.seconds(figures.clip_seconds(row)),
        verdict,
    )


def _brief(refusal: str) -> str:
    return refusal.partition(", and ")[0]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"{INDENT}{line}" for line in lines]
