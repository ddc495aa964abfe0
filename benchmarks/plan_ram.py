"""The RAM that plans choose: every model on cards of 8 to 24 GB, in machines with 16, 32 and 64 GB RAM.

usage: python -m benchmarks.plan_ram [MODEL ...]

Prints a table in Markdown, one row for a model and card: the RAM that the chosen way needs in a machine of each size,
and its time as a multiple of that of the fastest of the three. Nothing is run but forecasts; a profile that is not in
the cache takes a minute. `-`: does not fit. Plans are of one clip at the model's reference size, with `run.degrade` as
it is by default.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from vgpipe.config.groups import options
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.errors import VgpipeError
from vgpipe.planner.forecast_records import Forecast
from vgpipe.plans.figures import strategy
from vgpipe.plans.inputs import PlannedModel, clips_to_plan, planned_model
from vgpipe.plans.planning import make_plan
from vgpipe.plans.target import target_of
from vgpipe.units import GIB

CARDS = ("rtx3060_8gb", "rtx3060_12gb", "rtx4080_16gb", "rtx4090_24gb")
RAM_GB = (16, 32, 64)
LEFT_OUT = ("_base", "generic", "shapes")


def chosen(config: Config, model: PlannedModel, ram_gb: float) -> Forecast | None:
    """Returns what is chosen for one clip on a card in a machine."""
    hardware = replace(config.hardware, ram_gb=ram_gb)
    clips, _ = clips_to_plan(config)
    target = target_of(hardware, for_run=False)
    plan = make_plan(model.config, model.family, clips, target, download_bytes=model.download_bytes)
    return plan.shapes[0].chosen


def typical_s(row: Forecast | None) -> float | None:
    """Returns one figure for the time of a clip; None where nothing fits or a rate is not known."""
    if row is None or any(stage.seconds is None for stage in row.stages):
        return None
    return sum((stage.seconds[0] * stage.seconds[1]) ** 0.5 for stage in row.stages if stage.seconds)


def cell(row: Forecast | None, fastest_s: float | None) -> str:
    """Returns what one machine's plan says."""
    if row is None:
        return "-"
    seconds = typical_s(row)
    pace = "" if not seconds or not fastest_s else f", {seconds / fastest_s:.2f}"
    return f"{row.ram_bytes / GIB:.1f}{pace}: {strategy(row)}{', stream' if row.stream else ''}"


def row_of(name: str, card: str) -> str:
    """Returns a row of the table."""
    config = load([f"model={name}", f"hardware={card}"])
    model = planned_model(config, target_of(config.hardware, for_run=False))
    found = [chosen(config, model, ram_gb) for ram_gb in RAM_GB]
    fastest = min((seconds for row in found if (seconds := typical_s(row))), default=None)
    return f"| {name} | {card} | {' | '.join(cell(row, fastest) for row in found)} |"


def main() -> None:
    """Prints the table."""
    names = sys.argv[1:] or [name for name in options("model", None) if name not in LEFT_OUT]
    print("| model | card |", " | ".join(f"{ram_gb} GB RAM" for ram_gb in RAM_GB), "|", flush=True)
    print("| --- | --- |", " | ".join("---" for _ in RAM_GB), "|", flush=True)
    for name in names:
        for card in CARDS:
            try:
                print(row_of(name, card), flush=True)
            except (VgpipeError, OSError) as error:
                print(f"{name} on {card}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
