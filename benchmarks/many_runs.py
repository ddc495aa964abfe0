"""Times the commands that look at runs, below a folder with 50 runs of 200 clips.

usage: python benchmarks/many_runs.py [--runs 50] [--clips 200] [--frames 0]

The runs look rendered and never were: records, events, inputs and artifacts are there, and the files of a clip have a
few bytes. Ten of 50 have no end, so that their records are read, and ten have a failure. `--frames 49` gives each clip
a folder of images as well, as `exporter=frames` does.

CPU seconds of the whole process, on a machine that was busy otherwise:

| command | 50 runs of 200 clips |
| --- | --- |
| `ls` | 0.28 |
| `status`, `status RUN_DIR` | 0.09 |
| `why RUN_DIR`, nothing changed | 0.64 |
| `plan --why job=job.yaml`, of which Hydra's composition is 0.4 | 0.97 |
| the same with another seed for all clips | 1.12 |

With folders of images `ls` takes about 4 microseconds a file more: 0.32 s for 6 runs of 200 clips of 49 images.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.runs.pretended import pretend_run
from vgpipe.config.load import load
from vgpipe.store.rundir import RunDir

COMMANDS = (
    ("ls",),
    ("ls", "--json"),
    ("status",),
    ("status", "--json"),
    ("status", "{run}"),
    ("why", "{run}"),
    ("plan", "--why", "job=job.yaml"),
    ("plan", "--why", "job=job.yaml", "clip.seed=9"),
)
STAGES = ("encode", "denoise", "decode", "export")


def fill(run_dir: RunDir, number: int, frames: int) -> None:
    """Writes the events of a run, and the files of its clips."""
    records = [line.record for line in run_dir.read_lines().newest.values()]
    lines = [{"time": 1e9 + number, "event": "run_started", "clips": len(records), "reused": 0, "job": "job"}]
    for at, record in enumerate(records):
        name = record["clip"]
        made = {
            f"videos/{name}.mp4": b"x" * 900,
            f"sheets/{name}.png": b"x" * 300,
            f"sheets/{name}.poster.jpg": b"x" * 90,
        }
        made |= {f"frames/{name}/{frame:06d}.png": b"x" * 90 for frame in range(frames)}
        for path, data in made.items():
            (run_dir.root / path).parent.mkdir(parents=True, exist_ok=True)
            (run_dir.root / path).write_bytes(data)
        for stage in STAGES:
            lines.append({"time": 1e9 + at, "event": "stage_done", "stage": stage, "clip": name, "seconds": 1.0})
            lines.append({"time": 1e9 + at, "event": "stage_peak", "stage": stage, "clip": name, "ram_gb": 1.0})
        lines.append({"time": 1e9 + at, "event": "clip_done", "clip": name, "error": None})
    if number % 5:
        counts = {"done": len(records), "failed": 0, "stopped": 0, "pending": 0}
        lines.append({"time": 1e9 + len(records), "event": "run_ended", "reason": "finished", **counts})
    run_dir.events.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def spent_s(arguments: list[str]) -> tuple[float, int]:
    """Runs a command line; returns its CPU seconds, and the lines that it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "VGPIPE_CONFIG": ""}
    ran = subprocess.run(
        [sys.executable, "-m", "vgpipe", *arguments], capture_output=True, env=environment, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in (0, 1):
        raise RuntimeError(ran.stderr.decode())
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, ran.stdout.count(b"\n")


def main() -> None:
    """Makes the runs and times each command, the fastest of three times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("runs", 50), ("clips", 200), ("frames", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prompts = "".join(f"  - a small red circle number {number}\n" for number in range(given.clips))
        Path("job.yaml").write_text(f"prompts:\n{prompts}")
        for number in range(given.runs):
            failed = {"a-small-red-circle-number-7": "failed"} if number % 5 == 1 else {}
            config = load(["job=job.yaml", "executor.workers=1", f"clip.seed={number % 3}"])
            root = Path(f"outputs/job/2026-01-{1 + number // 24:02d}_{number % 24:02d}-00-00")
            fill(pretend_run(config, root, failed), number, given.frames)
        for command in COMMANDS:
            words = [word.format(run=root) for word in command]
            spent, lines = min(spent_s(words) for _ in range(3))
            sys.stdout.write(f"{' '.join(command):<45} {spent:5.2f} s  {lines:4} lines\n")
            sys.stdout.flush()
        os.chdir("/")


if __name__ == "__main__":
    main()
