"""Seconds that plans expect on GPUs against those that others published, and the range that a plan would give.

    python -m benchmarks.time_vs_published > time_vs_published.md

`published_times.csv` holds the times with their sources. Needs no GPU and no weights; takes about a minute of CPU the
first time, for the profiles of 13 kinds of clip. Only resident runs with native weights are compared; those of
diffusers are what vgpipe runs too, other programs have other kernels. What it found is in docs/benchmarks.md.
"""

from __future__ import annotations

import csv
import sys
from functools import cache
from pathlib import Path

from vgpipe.config.load import load
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.estimate.time import compute_seconds, expected_seconds
from vgpipe.planner.forecast_records import PeakRates, Tier
from vgpipe.planner.profile_records import ClipSpec, Profile
from vgpipe.planner.profiling.profile_cache import ProfileCache, cached_profile
from vgpipe.plans.inputs import planned_model
from vgpipe.plans.target import target_of
from vgpipe.user_cache import user_cache_folder

TIMES = Path(__file__).with_name("published_times.csv")
SETTINGS = {"cogvideox_2b": ["model.dtype=float16"], "hunyuan_video": ["model.max_sequence_length=128"]}


def _card(name: str, fp32: float, half: float, bandwidth_gb_s: float) -> Tier:
    peak = PeakRates(fp32=fp32, fp16=half, bf16=half)
    return Tier(name=name, kind="cuda", memory_gb=None, peak=peak, memory_bandwidth_gb_s=bandwidth_gb_s)


CARDS = {
    "a100": _card("A100", 19.5, 312.0, 2039.0),
    "h100": _card("H100", 67.0, 989.0, 3350.0),
    "h200": _card("H200", 67.0, 989.0, 4800.0),
    "h20": _card("H20", 44.0, 148.0, 4000.0),
    "l20": _card("L20", 59.8, 119.5, 864.0),
    "rtx4090": _card("RTX 4090", 82.6, 165.2, 1008.0),
}
"""NVIDIA's data sheets, dense."""


@cache
def profile_of(model: str, width: int, height: int, num_frames: int) -> Profile:
    """Returns what a kind of clip takes with all on the device."""
    config = load([f"model={model}", "hardware=a100_80gb", "memory.vae_tiling=false", *SETTINGS.get(model, [])])
    planned = planned_model(config, target_of(config.hardware, for_run=False))
    reference = planned.config.model.reference
    spec = ClipSpec(
        width=width, height=height, num_frames=num_frames, num_inference_steps=reference.num_inference_steps,
        guidance_scale=reference.guidance_scale, fps=reference.fps,
    )  # fmt: skip
    return cached_profile(planned.family, spec, "cuda", model=model, cache=ProfileCache(user_cache_folder()))


def foreseen(row: dict[str, str]) -> tuple[float, float, float]:
    """Returns the seconds that are expected of a published run, and their range."""
    made = profile_of(row["model"], *(int(row[name]) for name in ("width", "height", "num_frames")))
    expected = least = most = 0.0
    for stage in made.stages:
        if stage.stage in row["stages"].split():
            known = {"steps": int(row["steps"]), "dtype": made.dtype, "weights": {}}
            expected += expected_seconds(stage, CARDS[row["gpu"]], **known) or 0.0
            span = compute_seconds(stage, CARDS[row["gpu"]], **known, inputs=PlanInputs()) or (0.0, 0.0)
            least, most = least + span[0], most + span[1]
    return expected, least, most


def main() -> None:
    """Writes a table to stdout."""
    lines = [
        "| row | model, clip | card | program | published s | range s | published / expected |",
        "| --- | --- | --- | --- | ---: | ---: | ---: |",
    ]
    held: dict[bool, list[bool]] = {True: [], False: []}
    for row in csv.DictReader(TIMES.open(newline="", encoding="utf-8")):
        sys.stderr.write(f"{row['id']}\n")
        expected, least, most = foreseen(row)
        took, clip = float(row["seconds"]), f"{row['width']}x{row['height']}x{row['num_frames']}"
        held[row["program"].startswith("diffusers")].append(least <= took <= most)
        stages = "" if "denoise" in row["stages"] else ", decode only"
        card = CARDS[row["gpu"]].name
        lines.append(
            f"| {row['id']} | {row['model']} {clip}{stages} | {card} | {row['program']} | {took:.0f} | "
            f"{least:.0f}-{most:.0f} | {took / expected:.2f} |"
        )
    diffusers, others = (f"{sum(held[whose])} of {len(held[whose])}" for whose in (True, False))
    sys.stdout.write("\n".join([*lines, "", f"Within the range: diffusers: {diffusers}, others: {others}", ""]))


if __name__ == "__main__":
    main()
