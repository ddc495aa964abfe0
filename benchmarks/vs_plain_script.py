"""A job of 24 clips through vgpipe against the plain script, alternating: time, RAM, CPU use, where the time goes.

usage: python benchmarks/vs_plain_script.py [--rounds 5] [--clips 24] [--workers N] [--executor local|ray]
           [--model FOLDER] [--spin] [--no-frames] [--python PYTHON] [SETTING...]

Without `--workers` vgpipe chooses (`executor.workers=auto`). `--python` is an interpreter with another vgpipe, which
takes its turn in every round with the settings of a run in one process, to compare both.

Both ways run as processes of their own in an environment of their own: OMP_WAIT_POLICY=PASSIVE unless --spin is given,
which leaves the plain script as its user would start it. RAM is the largest sum of the PSS of all processes of a way
(`watched.py`), sampled twice a second. Cores busy: CPU time of all processes over wall time, from the first denoising
step to the last finished clip. Latents are compared in every round; frames in the last one, for which the job is
exported again as images, with the same workers, outside of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import watched
from run_phases import clips_ended, denoising_began, phases, read_events, spans, table

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "vgpipe" / "weights" / "shapes"
COLOURS, SHAPES = ("red", "green", "yellow", "cyan"), ("circle", "square", "triangle")
WAYS = (("left", "up fast"), ("right", "down slowly"), ("up", "left fast"))
SIZES, GROUNDS = ("large", "small"), ("black", "white")
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Round:
    """What one run of vgpipe came to."""

    seconds: float
    watch: watched.Watch
    records: list[dict]
    spent: dict[str, float]
    cores_busy: float


def prompts() -> Iterator[str]:
    """Yields different prompts of the embedded model's world, 288 in all."""
    for size, ground, ways in product(SIZES, GROUNDS, WAYS):
        for colour, shape, way in product(COLOURS, SHAPES, ways):
            yield f"a {size} {colour} {shape} moving {way} on a {ground} background"


def job_text(count: int) -> str:
    """Returns a job of `count` different prompts."""
    return "prompts:\n" + "".join(
        f"  - {{prompt: {one}, seed: {i}}}\n" for i, one in enumerate(islice(prompts(), count))
    )


def vgpipe_round(cwd: Path, settings: Sequence[str], environment: dict[str, str], python: str) -> Round:
    """Renders the job in an empty folder."""
    command = [python, "-m", "vgpipe", "job=job.yaml", "hydra.run.dir=run", *settings]
    started = time.time()
    seconds, watch = watched.run(command, cwd, environment)
    events = read_events(cwd / "run")
    records = [json.loads(line) for line in (cwd / "run/clips.jsonl").read_text().splitlines()]
    workers = {one["worker"] for one in events if one.get("worker")}
    divided = spans if len(workers) > 1 else phases
    busy = watch.busy(denoising_began(events), clips_ended(events))
    return Round(seconds, watch, records, divided(events, started, started + seconds), busy)


def plain_round(cwd: Path, model: Path, environment: dict[str, str]) -> tuple[float, watched.Watch, dict]:
    """Renders the clips of `clips.json` by the plain script; returns seconds, what was seen of it, and its digests."""
    (cwd / "plain").mkdir()
    script = [sys.executable, str(HERE / "plain_script.py"), str(model), "clips.json", "plain"]
    seconds, watch = watched.run(script, cwd, environment)
    return seconds, watch, json.loads((cwd / "plain/digests.json").read_text())


def equal_frames(cwd: Path, settings: Sequence[str], environment: dict[str, str], digests: dict[str, str]) -> int:
    """Exports the job of a round as images, from its latents; returns how many clips have the plain script's frames."""
    import numpy as np
    from PIL import Image

    command = [sys.executable, "-m", "vgpipe", "job=job.yaml", "hydra.run.dir=images", "exporter=frames", *settings]
    watched.run(command, cwd, environment)
    equal = 0
    for line in (cwd / "images/clips.jsonl").read_text().splitlines():
        record = json.loads(line)
        files = sorted((cwd / "images" / record["files"]["frames"]).iterdir())
        frames_THWC = np.stack([np.asarray(Image.open(file)) for file in files])
        equal += hashlib.sha256(frames_THWC.tobytes()).hexdigest() == digests[record["clip"]]
    return equal


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


def options_of_command() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--model", type=Path, default=WEIGHTS)
    parser.add_argument("--spin", action="store_true")
    parser.add_argument("--no-frames", action="store_true", help="do not compare frames")
    parser.add_argument("--python", help="an interpreter with another vgpipe")
    parser.add_argument("settings", nargs="*", help="more settings of vgpipe, wave_size=4 for one")
    return parser.parse_args()


def main() -> None:
    options = options_of_command()
    passive = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    spinning = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    settings = [f"model.id={options.model}", f"executor={options.executor}", *options.settings]
    settings += [f"executor.workers={options.workers}"] if options.workers else []
    rows, ours, others = [], [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            cwd = Path(name)
            (cwd / "job.yaml").write_text(job_text(options.clips))
            if options.python:
                (cwd / "other").mkdir()
                (cwd / "other/job.yaml").write_text(job_text(options.clips))
                others.append(vgpipe_round(cwd / "other", settings[:1], passive, options.python))
            one = vgpipe_round(cwd, settings, passive, sys.executable)
            ours.append(one)
            (cwd / "clips.json").write_text(json.dumps(one.records))
            plain_s, plain, digests = plain_round(cwd, options.model, spinning if options.spin else passive)
            latents = [
                latents_digest(cwd, r["artifacts"]["latents"]) == digests["latents"][r["clip"]] for r in one.records
            ]
            rows.append(
                (
                    one.seconds / plain_s,
                    one.watch.peak_gb / plain.peak_gb,
                    others[-1].seconds / plain_s if others else 0,
                )
            )
            print(
                f"round {number}: vgpipe {one.seconds:.1f} s {one.watch.peak_gb:.2f} GiB, "
                f"plain {plain_s:.1f} s {plain.peak_gb:.2f} GiB, "
                f"time ratio {rows[-1][0]:.3f}, memory ratio {rows[-1][1]:.3f}, "
                f"latents equal {sum(latents)}/{len(latents)}, cores busy {one.cores_busy:.2f} of {CORES}"
                + (f"; the other vgpipe {others[-1].seconds:.1f} s, ratio {rows[-1][2]:.3f}" if others else ""),
                flush=True,
            )
            if number == options.rounds - 1 and not options.no_frames:
                found = equal_frames(cwd, settings, passive, digests["frames"])
                print(f"frames equal {found}/{len(one.records)}", flush=True)
    report(rows, ours, others)
    if not options.workers and options.executor == "local":
        print("pure forward passes of the same job, seconds", forward_seconds(options.model, ours[-1].records))


def report(rows: Sequence[tuple[float, float, float]], ours: Sequence[Round], others: Sequence[Round]) -> None:
    """Prints the medians."""
    print("median time ratio", round(statistics.median(row[0] for row in rows), 3))
    print("median memory ratio", round(statistics.median(row[1] for row in rows), 3))
    print("median cores busy", round(statistics.median(one.cores_busy for one in ours), 2), "of", CORES)
    print("cores busy in each tenth of the last run:", " ".join(f"{busy:.2f}" for busy in ours[-1].watch.course()))
    print("where the time goes, median of each phase (exports run beside the stages)")
    print(table(medians([one.spent for one in ours])))
    if others:
        print("the other vgpipe: median time ratio", round(statistics.median(row[2] for row in rows), 3))
        print(table(medians([one.spent for one in others])))


if __name__ == "__main__":
    # Read when torch loads, which in this process is after the rounds.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    main()
