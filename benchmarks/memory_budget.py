"""The same job under smaller and smaller enforced budgets: the last fallback step of each stage, and whether bits stay.

Every budget is a share of what the job takes with everything resident. Without a plan (`run.plan=off`,
`memory=resident`) real models really run out of memory and step down the ladder; with one (`memory=auto`) the run
starts with settings that fit. On the CPU the budget counts every live tensor, weights included.

usage: python -m benchmarks.memory_budget [--model shapes|FOLDER] [--shares 1 0.8 0.6 0.4 0.3] [--width 96 --height 96
       --num-frames 17 --steps 4] [--degrade strict|safe|any] [KEY=VALUE ...]
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

JOB = "prompts:\n" + "".join(
    f"  - {{prompt: {text}, seed: {seed}}}\n"
    for seed, text in enumerate(
        ["a small red circle moving left", "a large blue square moving right", "a green triangle moving up"]
    )
)
STAGES = ("encode", "denoise", "decode")
UNLIMITED_GB = 64


@dataclass(frozen=True)
class Outcome:
    """What one run of the job gave."""

    code: int
    peaks_gb: dict[str, float]
    steps: list[dict[str, Any]]
    records: list[dict[str, Any]]
    latents: dict[str, np.ndarray]
    stderr: str


def run(options: argparse.Namespace, cwd: Path, limit_gb: float, *more: str) -> Outcome:
    """Runs the job in a folder of its own."""
    cwd.mkdir(parents=True)
    (cwd / "job.yaml").write_text(JOB)
    model = [] if options.model == "shapes" else [f"model.id={options.model}"]
    size = [f"clip.width={options.width}", f"clip.height={options.height}", f"clip.num_frames={options.num_frames}"]
    line = [
        sys.executable, "-m", "vgpipe", "job=job.yaml", "hardware=cpu", f"++hardware.memory_limit_gb={limit_gb}",
        "hydra.run.dir=run", f"clip.num_inference_steps={options.steps}", f"run.degrade={options.degrade}",
        "executor.canary=false", *model, *size, *options.settings, *more,
    ]  # fmt: skip
    ran = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
    if not (cwd / "run/clips.jsonl").exists():
        return Outcome(ran.returncode, {}, [], [], {}, ran.stderr.strip())
    events = [json.loads(text) for text in (cwd / "run/events.jsonl").read_text().splitlines()]
    records = {one["clip"]: one for one in map(json.loads, (cwd / "run/clips.jsonl").read_text().splitlines())}
    peaks: dict[str, float] = {}
    for event in events:
        if event["event"] == "stage_peak" and event["device_gb"] is not None:
            peaks[event["stage"]] = max(peaks.get(event["stage"], 0.0), event["device_gb"])
    steps = [event for event in events if event["event"] == "memory_rung"]
    return Outcome(ran.returncode, peaks, steps, list(records.values()), latents_of(cwd, records), ran.stderr)


def latents_of(cwd: Path, records: dict[str, dict[str, Any]]) -> dict[str, np.ndarray]:
    """Returns every clip's latents, by id."""
    found = {}
    for name, record in records.items():
        digest = record["artifacts"]["latents"]
        path = cwd / "outputs/.store/denoise" / digest[:2] / digest / "latents.safetensors"
        if path.exists():
            found[name] = load_file(path)["latents"]
    return found


def ended_on(outcome: Outcome) -> str:
    """Returns, for each stage that stepped down, its last step of the memory ladder."""
    last = {event["stage"]: event["rung"] for event in outcome.steps}
    parts = []
    for stage in STAGES:
        if stage in last:
            step = last[stage]
            tiles = f" + tiles {step['vae_tile_size'] or 'own'}" if step["vae_tiling"] else ""
            stored = "".join(f" + {name} {way}" for name, way in step["weights"])
            parts.append(f"{stage}: {step['strategy']}{tiles}{stored}")
    return "; ".join(parts) or "none"


def same(left: Outcome, right: Outcome) -> str:
    """Says for how many clips the latents are bit-identical."""
    pairs = [(left.latents[name], right.latents.get(name)) for name in left.latents]
    equal = sum(other is not None and np.array_equal(one, other) for one, other in pairs)
    return f"{equal}/{len(pairs)}"


def row(share: str, limit_gb: float, outcome: Outcome, reference: Outcome) -> str:
    """Returns one line of the table."""
    done = sum(record["state"] == "done" for record in outcome.records)
    peaks = " / ".join(f"{outcome.peaks_gb.get(stage, 0) * 1024:.1f}" for stage in STAGES)
    degraded = sorted({one["kind"] for record in outcome.records for one in record["degradations"]}) or ["nothing"]
    if not outcome.records:
        last = outcome.stderr.splitlines()[-1] if outcome.stderr else ""
        return f"| {share} | {limit_gb * 1024:.1f} | exit {outcome.code} | {last} | | | |"
    return (
        f"| {share} | {limit_gb * 1024:.1f} | {done}/{len(outcome.records)} | {ended_on(outcome)} | {peaks} | "
        f"{same(reference, outcome)} | {', '.join(degraded)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="shapes")
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.8, 0.6, 0.4, 0.3])
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--height", type=int, default=96)
    parser.add_argument("--num-frames", type=int, default=17)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--degrade", default="safe")
    parser.add_argument("--plans", nargs="+", default=["off", "enforce"])
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        resident = run(options, root / "resident", UNLIMITED_GB, "memory=resident", "run.plan=off")
        staged = run(options, root / "staged", UNLIMITED_GB, "memory=staged", "run.plan=off")
        peak_gb = max(resident.peaks_gb.values())
        print(f"resident peak {peak_gb * 1024:.2f} MiB, staged {max(staged.peaks_gb.values()) * 1024:.2f} MiB "
              f"({max(staged.peaks_gb.values()) / peak_gb:.3f} of it)\n")  # fmt: skip
        print("| budget | MiB | done | ended on | peak MiB of the stages | latents as resident | degraded |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        print(row("none, resident", UNLIMITED_GB, resident, resident))
        print(row("none, staged", UNLIMITED_GB, staged, resident))
        for plan in options.plans:
            memory = "memory=resident" if plan == "off" else "memory=auto"
            for share in options.shares:
                limit_gb = math.ceil(peak_gb * share * 1e6) / 1e6
                outcome = run(options, root / f"{plan}-{share}", limit_gb, memory, f"run.plan={plan}")
                print(row(f"{share:.0%}, {memory}, plan {plan}", limit_gb, outcome, resident), flush=True)


if __name__ == "__main__":
    main()
