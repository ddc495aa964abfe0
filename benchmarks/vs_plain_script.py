"""A job of 24 clips through vgpipe against the plain script, alternating: wall time, peak memory, where time goes.

usage: python benchmarks/vs_plain_script.py [--rounds 5] [--clips 24] [--model FOLDER] [--spin] [--python PYTHON]

`--python` is an interpreter with another vgpipe, which takes its turn in every round, to compare both.

Both run as processes of their own with the same threads. Both get OMP_WAIT_POLICY=PASSIVE unless --spin is given,
which leaves the plain script as its user would start it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run_phases import phases, read_events, table

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "vgpipe" / "weights" / "shapes"
COLOURS, SHAPES, WAYS = ("red", "green", "yellow", "cyan"), ("circle", "square", "triangle"), ("left", "up fast")


def job_text(count: int) -> str:
    """Returns a job of `count` different prompts of the embedded model's world."""
    prompts = [f"a large {c} {s} moving {w} on a black background" for c in COLOURS for s in SHAPES for w in WAYS]
    return "prompts:\n" + "".join(f"  - {{prompt: {p}, seed: {i}}}\n" for i, p in enumerate(prompts[:count]))


def run(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Runs a command; returns its wall seconds and the peak RAM of the process itself in GiB."""
    started = time.monotonic()
    log = (cwd / "log.txt").open("w")
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit((cwd / "log.txt").read_text()[-3000:])
    return time.monotonic() - started, usage.ru_maxrss / (1 << 20)


def vgpipe_round(
    cwd: Path, model: Path, environment: dict[str, str], python: str = sys.executable
) -> tuple[float, float, list[dict], dict[str, float]]:
    """Renders the job in an empty folder; returns seconds, GiB, the clips' records and where the time went."""
    command = [python, "-m", "vgpipe", "job=job.yaml", f"model.id={model}", "hydra.run.dir=run"]
    started = time.time()
    seconds, gib = run(command, cwd, environment)
    records = [json.loads(line) for line in (cwd / "run/clips.jsonl").read_text().splitlines()]
    return seconds, gib, records, phases(read_events(cwd / "run"), started, started + seconds)


def latents_digest(cwd: Path, digest: str) -> str:
    """Returns the SHA-256 of the raw latents of an artifact, as the plain script writes it."""
    from vgpipe.stages import tensors

    folder = cwd / "outputs/.store/denoise" / digest[:2] / digest
    return hashlib.sha256(
        tensors.load((folder / "latents.safetensors").read_bytes())[0]["latents"].numpy().tobytes()
    ).hexdigest()


def forward_seconds(model: Path, records: list[dict]) -> dict[str, float]:
    """Measures the sum of the pure forward passes of the same job, in this process."""
    import torch
    from diffusers import WanPipeline

    pipe = WanPipeline.from_pretrained(model, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    spent: dict[str, float] = {}
    for name in ("text_encoder", "transformer"):
        module = getattr(pipe, name)
        module.forward = timed(module.forward, name, spent)
    pipe.vae.decode = timed(pipe.vae.decode, "vae", spent)
    for record in records:
        pipe(
            prompt=record["prompt"], height=record["height"], width=record["width"], num_frames=record["num_frames"],
            num_inference_steps=record["num_inference_steps"], guidance_scale=record["guidance_scale"],
            generator=torch.Generator().manual_seed(record["seed"]), max_sequence_length=64,
        )  # fmt: skip
    return {name: round(seconds, 2) for name, seconds in spent.items()}


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Returns the median of each phase."""
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def timed(function, name: str, spent: dict[str, float]):
    """Wraps a function so that its seconds are added up under `name`."""

    def wrapper(*args, **kwargs):
        started = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + time.monotonic() - started

    return wrapper


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--model", type=Path, default=WEIGHTS)
    parser.add_argument("--spin", action="store_true")
    parser.add_argument("--python", help="an interpreter with another vgpipe")
    options = parser.parse_args()
    passive = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    spinning = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    plain_environment = spinning if options.spin else passive
    rows, spent_by_phase, others = [], [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            cwd = Path(name)
            (cwd / "job.yaml").write_text(job_text(options.clips))
            if options.python:
                (cwd / "other").mkdir()
                (cwd / "other/job.yaml").write_text(job_text(options.clips))
                others.append(vgpipe_round(cwd / "other", options.model, passive, options.python))
            ours_s, ours_gib, records, spent = vgpipe_round(cwd, options.model, passive)
            spent_by_phase.append(spent)
            (cwd / "clips.json").write_text(json.dumps(records))
            (cwd / "plain").mkdir()
            script = [sys.executable, str(HERE / "plain_script.py"), str(options.model), "clips.json", "plain"]
            plain_s, plain_gib = run(script, cwd, plain_environment)
            plain = json.loads((cwd / "plain/latents.json").read_text())
            equal = sum(latents_digest(cwd, r["artifacts"]["latents"]) == plain[r["clip"]] for r in records)
            rows.append((ours_s / plain_s, ours_gib / plain_gib))
            if others:
                other_s = others[-1][0]
                print(f"round {number}: the other vgpipe {other_s:.1f} s, ratio {other_s / plain_s:.3f}", flush=True)
                others[-1] = (other_s / plain_s, others[-1][3])
            print(
                f"round {number}: vgpipe {ours_s:.1f} s {ours_gib:.2f} GiB, plain {plain_s:.1f} s {plain_gib:.2f} GiB, "
                f"time ratio {ours_s / plain_s:.3f}, memory ratio {ours_gib / plain_gib:.3f}, "
                f"latents equal {equal}/{len(records)}",
                flush=True,
            )
    print("median time ratio", round(statistics.median(row[0] for row in rows), 3))
    print("median memory ratio", round(statistics.median(row[1] for row in rows), 3))
    print("where the time goes, median of each phase (exports run beside the stages)")
    print(table(medians(spent_by_phase)))
    if others:
        print("the other vgpipe: median time ratio", round(statistics.median(row[0] for row in others), 3))
        print(table(medians([row[1] for row in others])))
    print("pure forward passes of the same job, seconds", forward_seconds(options.model, records))


if __name__ == "__main__":
    # Read when torch loads, which in this process is after the rounds.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
