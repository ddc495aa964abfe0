"""Models times devices as text: a verdict on all of them, and a table."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.plans import figures
from vgpipe.plans.in_words import and_list, changes
from vgpipe.plans.largest import Fit, Largest, size
from vgpipe.plans.run_plan import RunPlan
from vgpipe.plans.verdict import ram_bytes
from vgpipe.terminal import markdown_table
from vgpipe.units import counted

FORECASTS = (
    "note: figures are forecasts, none was measured on these devices; GB are 2^30 bytes (docs/planning.md). Cards of "
    "up to 8 GB are assumed to be in a machine with 16 GB RAM, others with 32 GB: hardware.ram_gb=64 changes it for all"
)
NOTHING = "Nothing could be planned."
HOLDS = (Fit.FULL, Fit.CHANGED, Fit.TIGHT)
MAX_NAMES = 4


def text_of_largest(found: Sequence[Largest]) -> str:
    """Returns the largest clip of each model on each device as text, the verdict first."""
    head = ("model", "card", "largest clip", "changed", "per clip", "GPU GB", "RAM GB", "strategy")
    return _text(headline_of_largest(found), [head, *map(_largest_row, found)])


def text_of_plans(plans: Sequence[RunPlan]) -> str:
    """Returns how each model makes a job on each device as text, the verdict first."""
    head = ("model", "card", "fits", "changed", "whole job", "GPU GB", "RAM GB", "download GB", "strategy")
    return _text(headline_of_plans(plans), [head, *map(_job_row, plans)])


def _text(headline: str, rows: Sequence[tuple[str, ...]]) -> str:
    alike = [at for at in (0, 1) if len(rows) > 2 and len({row[at] for row in rows[1:]}) == 1]  # is in the headline
    kept = [tuple(cell for at, cell in enumerate(row) if at not in alike) for row in rows]
    return "\n".join([headline, "", *markdown_table(kept), "", FORECASTS]) + "\n"


def headline_of_largest(found: Sequence[Largest]) -> str:
    """Returns on how many devices a model has its reference size, and where nothing fits."""
    if not found:
        return NOTHING
    whole = sum(one.fit in HOLDS for one in found)
    smaller = sum(one.fit is Fit.SMALLER for one in found)
    none = [one for one in found if one.fit is Fit.NONE]
    models, cards = len({one.model for one in found}), len({one.tier.name for one in found})
    first = found[0]
    if models == 1:
        told = f"{first.model} fits {whole} of {counted(cards, 'card')} at its reference size ({size(first.reference)})"
        names = [one.tier.title for one in none]
    elif cards == 1:
        told = f"{whole} of {counted(models, 'model')} fit {first.tier.title} at their reference sizes"
        names = [one.model for one in none]
    else:
        told = f"{whole} of {len(found)} pairs of model and card fit at the model's reference size"
        names = [f"{one.model} on {one.tier.title}" for one in none]
    more = f", {smaller} more with a smaller clip" if smaller else ""
    nothing = f"; nothing fits: {_named(names)}" if names else ""
    return f"{told}{more}{nothing}."


def headline_of_plans(plans: Sequence[RunPlan]) -> str:
    """Returns on how many devices a job fits, and where it is made first."""
    if not plans:
        return NOTHING
    fitting = [plan for plan in plans if plan.fits]
    models, cards = ({plan.model for plan in plans}, {plan.tier.title for plan in plans})
    kind = "card" if len(models) == 1 else "model" if len(cards) == 1 else "pair"
    of = {"card": f" with {plans[0].model}", "model": f" on {plans[0].tier.title}", "pair": " of model and card"}[kind]
    told = f"{counted(plans[0].clips, 'clip')}: fits {len(fitting)} of {len(plans)} {kind}s{of}"
    timed = [(seconds[1], plan, seconds) for plan in fitting if (seconds := plan.seconds()) is not None]
    if not timed or len(fitting) < 2:
        return f"{told}."
    _, fastest, seconds = min(timed, key=lambda one: one[0])
    name = {"card": fastest.tier.title, "model": fastest.model}.get(kind, f"{fastest.model} on {fastest.tier.title}")
    return f"{told}; fastest {name}, {figures.seconds(seconds)}."


def _named(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return and_list([*names[:MAX_NAMES], *([f"{more} more"] if more > 0 else [])])


def _largest_row(found: Largest) -> tuple[str, ...]:
    row = found.forecast
    if row is None:
        return found.model, found.tier.title, "nothing fits", "-", "-", "-", "-", "-"
    changed = ", ".join([*changes(row, found.request), *(["tight"] if row.warnings else [])]) or "-"
    seconds = figures.seconds(figures.clip_seconds(row))
    memory, used = (figures.gb(row.peak_bytes), figures.gb(row.ram_bytes)), short_strategy(figures.strategy(row))
    return found.model, found.tier.title, size(row.spec), changed, seconds, *memory, used


def _job_row(plan: RunPlan) -> tuple[str, ...]:
    chosen = [shape.chosen for shape in plan.shapes if shape.chosen]
    fits = f"{len(chosen)} of {len(plan.shapes)} kinds of clip" if len(plan.shapes) > 1 else ("yes" if chosen else "no")
    if not chosen:
        return plan.model, plan.tier.title, fits, "-", "-", "-", "-", figures.gb(plan.download_bytes), "-"
    found = dict.fromkeys(one for row in chosen for one in changes(row, plan.request))
    changed = ", ".join([*found, *(["tight"] if any(row.warnings for row in chosen) else [])]) or "-"
    peak = max(row.peak_bytes for row in chosen)
    memory = [figures.gb(size_bytes) for size_bytes in (peak, ram_bytes(plan), plan.download_bytes)]
    used = "/".join(dict.fromkeys(strategy.value for strategy in plan.strategies().values()))
    return plan.model, plan.tier.title, fits, changed, figures.seconds(plan.seconds()), *memory, used


def short_strategy(strategies: str) -> str:
    """Returns `leaf_offload/staged` for `leaf_offload/staged/staged`."""
    return "/".join(dict.fromkeys(strategies.split("/")))
