"""A plan as text for people."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime

from vgpipe.clips.notes import MAX_LINES, noted_lines
from vgpipe.planner.forecast_records import Forecast, StageForecast, Tier
from vgpipe.plans import figures
from vgpipe.plans.crew_text import crew_lines
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.draft_rest import DraftRest
from vgpipe.plans.run_plan import RunPlan
from vgpipe.terminal import table
from vgpipe.units import GIB, counted, format_size
from vgpipe.vocabulary import NATIVE

MAX_SHAPES = 3
MAX_ROWS = 24
TEXT_WIDTH = 118
INDENT = "  "
NOT_MEASURED = (
    "figures are forecasts, none was measured on this GPU: memory comes from a run of the model's own code on fake "
    "tensors, time from peak rates and the shares of them that published runs reached (docs/planning.md)"
)


def as_text(plan: RunPlan, now: datetime, width: int | None = None) -> str:
    """Returns the plan of a job.

    Args:
        plan: what was planned.
        now: when the job would start.
        width: columns of the terminal; None, as for a file, keeps every table row on one line.
    """
    return _Page(plan, width).text(now)


class _Page:
    """The text of one plan, for one width."""

    def __init__(self, plan: RunPlan, width: int | None):
        self._plan, self._width = plan, width
        self._text_width = min(width or TEXT_WIDTH, TEXT_WIDTH)

    def text(self, now: datetime) -> str:
        """Returns all blocks: the header, the heaviest kinds of clips, the others in short, totals, notes."""
        plan = self._plan
        shapes = plan.shapes if len(plan.shapes) <= MAX_SHAPES else sorted(plan.shapes, key=_order)
        blocks = [_header(plan), *map(self._shape, shapes[:MAX_SHAPES])]
        if len(shapes) > MAX_SHAPES:
            blocks.append("\n".join(_short_table(shapes[MAX_SHAPES:])))
        return "\n\n".join([*blocks, _totals(plan, now), self._notes()]) + "\n"

    def _shape(self, shape: ShapePlan) -> str:
        plan = self._plan
        head = f"{figures.shape(shape.spec)} x {counted(shape.clips, plan.unit)}"
        if shape.chosen is None:
            return "\n".join([f"{head}: does not fit", *self._considered(shape), self._wrapped(shape.why, INDENT)])
        why = self._wrapped(f"why: {shape.why}", INDENT)
        return "\n".join([head, *_chosen(shape.chosen, plan.tier), why, *self._considered(shape)])

    def _considered(self, shape: ShapePlan) -> list[str]:
        head = ("considered", "VAE", "weights", "peak GiB", "RAM GiB", "per clip", "fits")
        rows = [_candidate(row, is_chosen=row is shape.chosen) for row in shape.rows[:MAX_ROWS]]
        hidden = len(shape.rows) - len(rows)
        more = [f"{INDENT}and {hidden} more: --json lists all"] if hidden > 0 else []
        width = None if self._width is None else self._width - len(INDENT)
        return ["", *_indented(table([head, *rows], right=(3, 4, 5), width=width)), *more]

    def _notes(self) -> str:
        chosen = [shape.chosen for shape in self._plan.shapes if shape.chosen]
        warnings = [warning for forecast in chosen for warning in forecast.warnings]
        estimated = [
            f"{stage.stage} is estimated from sizes alone: the model's code does not run on fake tensors"
            for forecast in chosen
            for stage in forecast.stages
            if stage.method == "analytic"
        ]
        basis = NOT_MEASURED if self._plan.tier.kind != "cpu" else "figures are forecasts (docs/planning.md)"
        notes = (*dict.fromkeys([*warnings, *estimated]), *self._plan.notes, *self._clip_notes(), basis)
        return "\n".join(self._wrapped(f"note: {note}") for note in notes)

    def _clip_notes(self) -> list[str]:
        lines = noted_lines(self._plan.clip_notes)
        hidden = len(lines) - MAX_LINES
        return [*lines[:MAX_LINES], *([f"and {hidden} more notes on clips: --json lists all"] if hidden > 0 else [])]

    def _wrapped(self, text: str, indent: str = "") -> str:
        return textwrap.fill(
            text,
            self._text_width,
            initial_indent=indent,
            subsequent_indent=f"{indent}{INDENT}",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _order(shape: ShapePlan) -> int:
    """Returns the sort key that puts kinds of clips that do not fit first, and then the heaviest."""
    return -shape.chosen.peak_bytes if shape.chosen else -sys.maxsize


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"{INDENT}{line}" for line in lines]


def _header(plan: RunPlan) -> str:
    clips = f"{plan.model}: {counted(plan.clips, 'clip')}"
    if plan.segments > plan.clips:
        clips = f"{clips} in {plan.segments} segments"
    if len(plan.shapes) > 1:
        clips = f"{clips} of {len(plan.shapes)} kinds"
    return f"{clips}, {plan.dtype}\n{_device(plan.tier, plan.device_name)}"


def _device(tier: Tier, name: str) -> str:
    facts = ["memory unknown" if tier.memory_gb is None else f"{format_size(tier.memory_gb * GIB)} usable"]
    facts.append("RAM not checked" if tier.ram_gb is None else f"{tier.ram_gb:.1f} GiB of RAM free")
    if tier.disk_gb is not None:
        facts.append(f"{tier.disk_gb:.0f} GiB of disk free")
    shown = tier.name if name == tier.name else f"{tier.name} ({name})"
    return f"on {shown}: {', '.join(facts)}"


def _chosen(forecast: Forecast, tier: Tier) -> list[str]:
    memory = "tensors GiB" if tier.kind == "cpu" else "GPU GiB"
    head = ("stage", "strategy", memory, "reserved", "RAM GiB", "TFLOP", "moved GiB", "per clip")
    rows = [_stage(forecast, stage) for stage in forecast.stages]
    weights = figures.weights(forecast)
    quantized = "no quantization" if weights == NATIVE else f"quantized: {weights}"
    settings = f"VAE {figures.tiling(forecast)}; {quantized}"
    return _indented([*table([head, *rows], right=range(2, len(head) - 1)), settings])


def _stage(forecast: Forecast, stage: StageForecast) -> tuple[str, ...]:
    return (
        stage.stage,
        figures.stage_strategy(forecast, stage),
        figures.gib(stage.allocated_bytes),
        figures.gib(stage.reserved_bytes),
        figures.gib(stage.ram_bytes),
        figures.tera(stage.flops),
        figures.gib(stage.transfer_bytes),
        figures.seconds(stage.seconds),
    )


def _candidate(row: Forecast, *, is_chosen: bool) -> tuple[str, ...]:
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


def _short_table(shapes: Sequence[ShapePlan]) -> list[str]:
    head = ("shape", "clips", "strategy", "peak GiB", "per clip")
    rows = [_short_row(shape) for shape in shapes[:MAX_ROWS]]
    more = [f"and {len(shapes) - MAX_ROWS} more shapes: --json lists all"] if len(shapes) > MAX_ROWS else []
    return [*table([head, *rows], right=(1, 3)), *more]


def _short_row(shape: ShapePlan) -> tuple[str, ...]:
    chosen, clips = shape.chosen, str(shape.clips)
    if chosen is None:
        return figures.shape(shape.spec), clips, "does not fit", "-", "-"
    strategy = f"{figures.strategy(chosen)}, VAE {figures.tiling(chosen)}"
    seconds = figures.seconds(figures.clip_seconds(chosen))
    return figures.shape(shape.spec), clips, strategy, figures.gib(chosen.peak_bytes), seconds


def _totals(plan: RunPlan, now: datetime) -> str:
    seconds = plan.seconds()
    lines = [*crew_lines(plan, INDENT), f"to download  {figures.gib(plan.download_bytes)} GiB"]
    if any(shape.chosen for shape in plan.shapes):
        frees = f"; gc frees {format_size(plan.gc_frees_bytes)}" if plan.gc_frees_bytes else ""
        disk = f"{figures.gib(plan.disk_bytes())} GiB in the store, in addition to the download"
        lines.append(f"disk         {disk}{frees}")
    if plan.fits:
        lines.append(f"whole job    {figures.seconds(seconds)}, including loading, without downloads")
        lines.append(f"finishes     about {figures.finishing(seconds, now)} if started now")
    if plan.rest is not None:
        lines.append(f"continue     {_rest(plan, plan.rest)}")
    if plan.done_by is not None:
        lines.append(f"deadline     {plan.done_by} if started now")
    return "\n".join(lines)


def _rest(plan: RunPlan, rest: DraftRest) -> str:
    all_of_them = f"all {counted(rest.clips, 'draft')}" if rest.clips > 1 else "the draft"
    if not rest.fits:
        return f"{all_of_them}, to the end, does not fit"
    return f"{figures.seconds(plan.rest_seconds())} more for {all_of_them}, to the end"
