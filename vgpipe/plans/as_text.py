"""A plan as text for a terminal, and the matrix of models and tiers as a table in Markdown."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime

from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.plans import wording as words
from vgpipe.plans.run_plan import RunPlan, ShapePlan

MAX_SHAPES = 3
MAX_ROWS = 24
WIDTH = 118
NEVER_ON_A_GPU = (
    "figures are forecasts, none was measured on this GPU: memory is counted on a run of the model's own code without "
    "values, time comes from peak rates and the shares of them that published runs reached (docs/planning.md)"
)


def as_text(plan: RunPlan, now: datetime) -> str:
    """Returns the plan of a job.

    Args:
        plan: what was planned.
        now: when the job would begin.
    """
    shapes = plan.shapes if len(plan.shapes) <= MAX_SHAPES else sorted(plan.shapes, key=_lightness)
    blocks = [_header(plan), *(_shape(one, plan) for one in shapes[:MAX_SHAPES])]
    if len(shapes) > MAX_SHAPES:
        blocks.append(_others(shapes[MAX_SHAPES:]))
    return "\n\n".join([*blocks, _totals(plan, now), *_remarks(plan)]) + "\n"


def _lightness(shape: ShapePlan) -> int:
    """Returns what puts kinds of clips that do not fit first, and then the heaviest."""
    return -shape.chosen.peak_bytes if shape.chosen else -sys.maxsize


def _header(plan: RunPlan) -> str:
    what = f"{plan.model}: {words.counted(plan.clips, 'clip')}"
    if plan.segments > plan.clips:
        what = f"{what} in {plan.segments} segments"
    if len(plan.shapes) > 1:
        what = f"{what} of {len(plan.shapes)} kinds"
    return f"{what}, {plan.dtype}\n{_device(plan.tier, plan.device_name)}"


def _device(tier: Tier, name: str) -> str:
    facts = ["memory unknown" if tier.memory_gb is None else f"{words.size(tier.memory_gb * words.GIB)} may be used"]
    facts.append("RAM unknown, not checked" if tier.ram_gb is None else f"{tier.ram_gb:.1f} GiB of RAM free")
    if tier.disk_gb is not None:
        facts.append(f"{tier.disk_gb:.0f} GiB of disk free")
    called = tier.name if name == tier.name else f"{tier.name} ({name})"
    return f"on {called}: {', '.join(facts)}"


def _shape(shape: ShapePlan, plan: RunPlan) -> str:
    head = f"{words.shape(shape.spec)} x {words.counted(shape.clips, plan.unit)}"
    if shape.chosen is None:
        return "\n".join([f"{head}: does not fit", *_considered(shape), _wrapped(shape.why, "  ")])
    why = _wrapped(f"why: {shape.why}", "  ")
    return "\n".join([head, *_chosen(shape.chosen, plan.tier), why, *_considered(shape)])


def _chosen(forecast: Forecast, tier: Tier) -> list[str]:
    memory = "tensors GiB" if tier.kind == "cpu" else "GPU GiB"
    head = ("stage", "strategy", memory, "reserved", "RAM GiB", "TFLOP", "moved GiB", "a clip takes")
    rows = [_stage(forecast, stage) for stage in forecast.stages]
    stored = f"  VAE {words.tiling(forecast)}; weights {words.weights(forecast)}"
    return [*(f"  {line}" for line in words.aligned([head, *rows], left=(0, 1))), stored]


def _stage(forecast: Forecast, stage: StageForecast) -> tuple[str, ...]:
    return (
        stage.stage,
        words.stage_strategy(forecast, stage),
        words.gib(stage.allocated_bytes),
        words.gib(stage.reserved_bytes),
        words.gib(stage.ram_bytes),
        words.tera(stage.flops),
        words.gib(stage.transfer_bytes),
        words.seconds(stage.seconds),
    )


def _considered(shape: ShapePlan) -> list[str]:
    head = ("considered", "VAE", "weights", "peak GiB", "RAM GiB", "a clip takes", "fits")
    rows = [_row(row, is_chosen=row is shape.chosen) for row in shape.rows[:MAX_ROWS]]
    left = len(shape.rows) - len(rows)
    more = [f"  and {left} more: --json lists all"] if left > 0 else []
    return ["", *(f"  {line}" for line in words.aligned([head, *rows], left=(0, 1, 2))), *more]


def _row(row: Forecast, *, is_chosen: bool) -> tuple[str, ...]:
    verdict = "chosen" if is_chosen else ("yes" if row.fits else "no: " + "; ".join(map(_brief, row.refusals)))
    if row.fits and row.warnings:
        verdict = f"{verdict}, tight"
    stream = ", stream" if row.stream else ""
    return (
        words.strategy(row) + stream,
        words.tiling(row),
        words.weights(row),
        words.gib(row.peak_bytes),
        words.gib(max(stage.ram_bytes for stage in row.stages)),
        words.seconds(words.clip_seconds(row)),
        verdict,
    )


def _brief(refusal: str) -> str:
    return refusal.partition(", and ")[0]


def _others(shapes: Sequence[ShapePlan]) -> str:
    head = ("shape", "clips", "strategy", "peak GiB", "a clip takes")
    rows = [_short(shape) for shape in shapes[:MAX_ROWS]]
    more = [f"and {len(shapes) - MAX_ROWS} more shapes: --json lists all"] if len(shapes) > MAX_ROWS else []
    return "\n".join([*words.aligned([head, *rows], left=(0, 2)), *more])


def _short(shape: ShapePlan) -> tuple[str, ...]:
    found = shape.chosen
    if found is None:
        return words.shape(shape.spec), str(shape.clips), "does not fit", "-", "-"
    strategy = f"{words.strategy(found)}, VAE {words.tiling(found)}"
    takes = words.seconds(words.clip_seconds(found))
    return words.shape(shape.spec), str(shape.clips), strategy, words.gib(found.peak_bytes), takes


def _totals(plan: RunPlan, now: datetime) -> str:
    total = plan.seconds()
    lines = [f"to download  {words.gib(plan.download_bytes)} GiB"]
    if any(shape.chosen for shape in plan.shapes):
        lines.append(f"disk         {words.gib(plan.disk_bytes())} GiB in the store, beside the download")
    if all(shape.chosen for shape in plan.shapes):
        lines.append(f"whole job    {words.seconds(total)}, loading included and downloads left out")
        lines.append(f"finishes     about {words.finishing(total, now)} if it begins now")
    return "\n".join(lines)


def _remarks(plan: RunPlan) -> list[str]:
    tight = [warning for shape in plan.shapes if shape.chosen for warning in shape.chosen.warnings]
    guessed = [
        f"{stage.stage} is estimated from sizes alone: its classes cannot be run without values"
        for shape in plan.shapes
        for stage in (shape.chosen.stages if shape.chosen else ())
        if stage.method == "analytic"
    ]
    rests_on = NEVER_ON_A_GPU if plan.tier.kind != "cpu" else "figures are forecasts (docs/planning.md)"
    notes = (*dict.fromkeys([*tight, *guessed]), *plan.notes, rests_on)
    return ["\n".join(_wrapped(f"note: {note}") for note in notes)]


def _wrapped(text: str, indent: str = "") -> str:
    after = f"{indent}  "
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=after, break_on_hyphens=False)


def matrix(rows: Sequence[Sequence[str]], note: str) -> str:
    """Returns a table in Markdown, aligned for a terminal, and a note below it.

    Args:
        rows: of equal length; the first is the head.
        note: one line.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    rule = f"| {' | '.join('-' * width for width in widths)} |"
    return "\n".join([lines[0], rule, *lines[1:], "", note]) + "\n"
