"""A plan as text for people: the verdict, a table of stages, and what they should know."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime

from vgpipe.clips.notes import MAX_LINES, noted_lines
from vgpipe.planner.forecast_records import Forecast, StageForecast
from vgpipe.plans import figures
from vgpipe.plans.crew_text import crew_lines
from vgpipe.plans.detailed_text import considered, stage_details
from vgpipe.plans.device_plan import ShapePlan
from vgpipe.plans.draft_rest import DraftRest
from vgpipe.plans.in_words import and_list, changes, placement
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.target import ram_note
from vgpipe.plans.verdict import noun, shortfall, verdict
from vgpipe.terminal import table
from vgpipe.units import GIB, counted

MAX_WHOLE, MAX_ROWS = 2, 24
"""Kinds of clips of which each has a table of its stages; of more, only the heaviest has one."""
TEXT_WIDTH = 118
INDENT = "  "
NOT_MEASURED = (
    "figures are forecasts, none was measured on this GPU: memory comes from a run of the model's own code on fake "
    "tensors, time from peak rates and the shares of them that published runs reached (docs/planning.md)"
)
FORECASTS = "forecasts, none was measured on this GPU; GB are 2^30 bytes (docs/planning.md)"
FORECASTS_HERE = "forecasts; GB are 2^30 bytes (docs/planning.md)"


def as_text(plan: RunPlan, now: datetime, width: int | None = None, *, is_verbose: bool = False) -> str:
    """Returns the plan of a job, its verdict first.

    Args:
        plan: what was planned.
        now: when the job would start.
        width: columns of the terminal; None, as for a file, keeps the verdict and every table row on one line.
        is_verbose: whether to add operations, transfers, reserved memory and every configuration that was considered.
    """
    return _Page(plan, width, is_verbose=is_verbose).text(now)


class _Page:
    """The text of one plan, for one width."""

    def __init__(self, plan: RunPlan, width: int | None, *, is_verbose: bool):
        self._plan, self._width, self._is_verbose = plan, width, is_verbose
        self._text_width = min(width or TEXT_WIDTH, TEXT_WIDTH)

    def text(self, now: datetime) -> str:
        """Returns all blocks: the verdict, the device, the heaviest kinds of clips, the others in short, the rest."""
        plan = self._plan
        first = verdict(plan, now)
        is_short = len(plan.shapes) <= MAX_WHOLE
        shapes = plan.shapes if is_short else sorted(plan.shapes, key=_order)
        whole = len(shapes) if is_short else 1
        blocks = ["\n".join([first if self._width is None else self._wrapped(first), *_deadline(plan)])]
        blocks += [self._header(), *map(self._shape, shapes[:whole])]
        if len(shapes) > whole:
            blocks.append("\n".join(_short_table(shapes[whole:], plan)))
        return "\n\n".join(filter(None, [*blocks, self._totals(), self._notes()])) + "\n"

    def _header(self) -> str:
        plan = self._plan
        clips = counted(plan.clips, "clip")
        if plan.segments > plan.clips:
            clips = f"{clips} in {plan.segments} segments"
        if len(plan.shapes) > 1:
            clips = f"{clips} of {len(plan.shapes)} kinds"
        return f"{plan.model}, {plan.dtype}: {clips}\n{self._wrapped(_device(plan))}"

    def _shape(self, shape: ShapePlan) -> str:
        plan = self._plan
        head = f"{figures.shape(shape.spec)} x {counted(shape.clips, plan.unit)}"
        listed = considered(shape, self._width, MAX_ROWS) if self._is_verbose else []
        if shape.chosen is None:
            told = shape.why if self._is_verbose else shortfall(plan, shape)
            return "\n".join([f"{head}: does not fit", self._wrapped(told, INDENT), *listed])
        lines = [head, *self._stages(shape.chosen)]
        if found := changes(shape.chosen, plan.request):
            lines.append(
                self._wrapped(f"changed so that it fits: {and_list(found)} (run.degrade=strict refuses)", INDENT)
            )
        if self._is_verbose:
            lines += ["", *stage_details(shape.chosen, plan.tier), self._wrapped(f"why: {shape.why}", INDENT), *listed]
        return "\n".join(lines)

    def _stages(self, chosen: Forecast) -> list[str]:
        kind = self._plan.tier.kind
        head = ("stage", f"per {noun(self._plan)}", *([] if kind == "cpu" else ["GPU GB"]), "RAM GB", "weights")
        rows = [_stage(chosen, stage, kind) for stage in chosen.stages]
        width = None if self._width is None else self._width - len(INDENT)
        return [f"{INDENT}{line}" for line in table([head, *rows], right=range(2, len(head) - 1), width=width)]

    def _totals(self) -> str:
        plan = self._plan
        lines = crew_lines(plan, INDENT)
        if plan.rest is not None:
            lines.append(f"continue     {_rest(plan, plan.rest)}")
        if plan.gc_frees_bytes:
            lines.append(f"disk         python -m vgpipe gc frees {figures.size(plan.gc_frees_bytes)}")
        if self._is_verbose and plan.fits:
            seconds, stored = figures.seconds(plan.seconds()), figures.gib(plan.disk_bytes())
            lines.append(f"to download  {figures.gib(plan.download_bytes)} GiB")
            lines.append(f"in the store {stored} GiB, in addition to the download")
            lines.append(f"whole job    {seconds}, including loading, without downloads")
        return "\n".join(lines)

    def _notes(self) -> str:
        plan = self._plan
        chosen = [shape.chosen for shape in plan.shapes if shape.chosen]
        warnings = [warning for forecast in chosen for warning in forecast.warnings]
        estimated = [
            f"{stage.stage} is estimated from sizes alone: the model's code does not run on fake tensors"
            for forecast in chosen
            for stage in forecast.stages
            if stage.method == "analytic"
        ]
        notes = (*dict.fromkeys([*warnings, *estimated]), *plan.notes, *self._clip_notes(), self._basis())
        lines = [self._wrapped(f"note: {note}") for note in notes]
        if not self._is_verbose:
            lines.append(self._wrapped(_more(plan)))
        return "\n".join(lines)

    def _basis(self) -> str:
        if self._plan.tier.kind == "cpu":
            return FORECASTS_HERE
        return NOT_MEASURED if self._is_verbose else FORECASTS

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


def _deadline(plan: RunPlan) -> list[str]:
    return [] if plan.done_by is None else [f"{plan.done_by}, if started now"]


def _device(plan: RunPlan) -> str:
    tier = plan.tier
    facts = ["memory unknown" if tier.memory_gb is None else f"{figures.size(tier.memory_gb * GIB)} usable"]
    if tier.ram_gb is None:
        facts.append("RAM not checked")
    elif plan.target.is_here:
        facts.append(f"{figures.size(tier.ram_gb * GIB)} RAM free")
    elif (assumed := ram_note(tier)) is not None:
        facts.append(assumed)
    if tier.disk_gb is not None:
        facts.append(f"{figures.size(tier.disk_gb * GIB)} disk free")
    name = plan.device_name if plan.target.is_here else f"hardware={tier.name}"
    shown = tier.title if name == tier.title else f"{tier.title} ({name})"
    return f"{shown}: {', '.join(facts)}"


def _stage(forecast: Forecast, stage: StageForecast, kind: str) -> tuple[str, ...]:
    return (
        stage.stage,
        figures.seconds(stage.seconds),
        *([] if kind == "cpu" else [figures.gb(stage.allocated_bytes)]),
        figures.gb(stage.ram_bytes),
        placement(stage.strategy or forecast.strategy, kind),
    )


def _short_table(shapes: Sequence[ShapePlan], plan: RunPlan) -> list[str]:
    name = noun(plan)
    head = ("others", f"{name}s", "each", "GPU GB", "RAM GB", "changed")
    rows = [_short_row(shape, plan) for shape in shapes[:MAX_ROWS]]
    more = [f"and {len(shapes) - MAX_ROWS} more kinds: --json lists all"] if len(shapes) > MAX_ROWS else []
    return [*table([head, *rows], right=(1, 3, 4)), *more]


def _short_row(shape: ShapePlan, plan: RunPlan) -> tuple[str, ...]:
    chosen, clips = shape.chosen, str(shape.clips)
    if chosen is None:
        return figures.shape(shape.spec), clips, "does not fit", "-", "-", "-"
    seconds = figures.seconds(figures.clip_seconds(chosen))
    changed = ", ".join(changes(chosen, plan.request)) or "-"
    memory = figures.gb(chosen.peak_bytes), figures.gb(chosen.ram_bytes)
    return figures.shape(shape.spec), clips, seconds, *memory, changed


def _more(plan: RunPlan) -> str:
    count = sum(len(shape.rows) for shape in plan.shapes)
    considered = f"{counted(count, 'configuration')} considered"
    return f"more: --verbose ({considered}, operations, transfers), --html (a page with a chart of memory)"


def _rest(plan: RunPlan, rest: DraftRest) -> str:
    all_of_them = f"all {counted(rest.clips, 'draft')}" if rest.clips > 1 else "the draft"
    if not rest.fits:
        return f"{all_of_them}, to the end, does not fit"
    return f"{figures.seconds(plan.rest_seconds())} more for {all_of_them}, to the end"
