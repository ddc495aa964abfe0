"""Measures what the length of a clip costs: peak memory and seconds for 2, 10 and 60 s of the embedded model.

usage: python -m benchmarks.long_memory [--methods image window] [--seconds 2 10 60]

Each clip is rendered by the command line in a process of its own, without a canary. Printed are the peak RAM
of that process, the most live bytes of tensors in any stage, and the seconds of the whole process and of its stages.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROMPT = "a small red circle moving left on a white background"


def render(cwd: Path, method: str, seconds: float, overrides: list[str]) -> dict[str, float]:
    """Renders one clip and returns its figures."""
    name = f"{method}-{seconds:g}"
    settings = [f"clip.prompt='{PROMPT}'", f"clip.seconds={seconds}", f"clip.continuation={method}"]
    places = [
        f"hydra.run.dir={name}",
        f"store.dir=store-{name}",
        "executor.canary=false",
        "hardware=cpu",
        "hardware.memory_limit_gb=4",
    ]
    command = [sys.executable, "-m", "vgpipe", *settings, *places, *overrides]
    started = time.monotonic()
    with (cwd / f"{name}.log").open("wb") as words:
        process = subprocess.Popen(command, cwd=cwd, stdout=words, stderr=words)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit((cwd / f"{name}.log").read_text()[-2000:])
    wall_s = time.monotonic() - started
    events = [json.loads(line) for line in (cwd / name / "events.jsonl").read_text().splitlines()]
    record = json.loads((cwd / name / "clips.jsonl").read_text().splitlines()[-1])
    live = max(one["device_gb"] or 0 for one in events if one["event"] == "stage_peak")
    stages_s = sum(record["seconds"].values())
    return {
        "frames": record["num_frames"],
        "ram_mib": usage.ru_maxrss / 1024,
        "live_mib": live * 1024,
        "stages_s": stages_s,
        "wall_s": wall_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["image", "window"])
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 10, 60])
    parser.add_argument("--overrides", nargs="*", default=[])
    options = parser.parse_args()
    print("| method | seconds | frames | peak RAM MiB | live tensors MiB | stages s | s per frame | process s |")
    print("| --- " * 8 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods:  # the first plan of a kind is made by running the model's classes
            render(Path(folder), method, options.seconds[-1] / 10, options.overrides)
        for method in options.methods:
            for seconds in options.seconds:
                found = render(Path(folder), method, seconds, options.overrides)
                share = found["stages_s"] / found["frames"]
                print(
                    f"| {method} | {seconds:g} | {found['frames']} | {found['ram_mib']:.0f} | {found['live_mib']:.2f} "
                    f"| {found['stages_s']:.1f} | {share:.3f} | {found['wall_s']:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
