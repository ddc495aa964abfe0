"""Kills a whole job with SIGKILL at random moments, resuming each time, and compares with a run left alone.

usage: python benchmarks/kill_job.py [--kills 30] [--seed 0] [--model FOLDER] [--exporter frames|mp4]
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from imageio_ffmpeg import read_frames
from PIL import Image

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "vgpipe" / "weights" / "shapes"


def command(options: argparse.Namespace) -> list[str]:
    """Returns the job's command line: checkpoints after every second step, so that kills fall between them."""
    settings = ["executor.checkpoint_steps=2", "executor.checkpoint_interval_s=0", "hydra.run.dir=run"]
    model = [f"model.id={options.model}", f"exporter={options.exporter}"]
    return [sys.executable, "-m", "vgpipe", f"job={ROOT / 'jobs' / 'demo.yaml'}", *settings, *model]


def killed_after(line: list[str], cwd: Path, seconds: float) -> bool:
    """Starts a command and kills it after `seconds`; returns whether it was still at work."""
    process = subprocess.Popen(line, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def pixels(cwd: Path) -> dict[str, np.ndarray]:
    """Returns the decoded frames of every clip, by id; fails where one is missing or torn."""
    found = {}
    for line in (cwd / "run/clips.jsonl").read_text().splitlines():
        record = json.loads(line)
        kind, relative = next(iter(record["files"].items()))
        found[record["clip"]] = (
            read_pngs(cwd / "run" / relative) if kind == "frames" else read_mp4(cwd / "run" / relative)
        )
    return found


def read_pngs(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def read_mp4(path: Path) -> np.ndarray:
    reader = read_frames(str(path))
    width, height = next(reader)["source_size"]
    return np.stack([np.frombuffer(frame, "uint8").reshape(height, width, 3) for frame in reader])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=WEIGHTS)
    parser.add_argument("--exporter", choices=["frames", "mp4"], default="frames")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as killed:
        started = time.monotonic()
        subprocess.run(command(options), cwd=alone, check=True, capture_output=True)
        whole_s = time.monotonic() - started
        moments, kills, rounds, resume = random.Random(options.seed), 0, 0, False
        while kills < options.kills:
            line = [sys.executable, "-m", "vgpipe", "resume", "run"] if resume else command(options)
            if killed_after(line, Path(killed), moments.uniform(0.2, whole_s)):
                kills += 1
            else:  # finished: another round of the job from an empty store, so that kills fall everywhere
                rounds += 1
                assert_equal(Path(alone), Path(killed))
                subprocess.run(["rm", "-rf", "run", "outputs"], cwd=killed, check=True)
            resume = (Path(killed) / "run/clips.jsonl").exists()
        subprocess.run(command(options), cwd=killed, check=True, capture_output=True)
        clips = assert_equal(Path(alone), Path(killed))
        leftovers = list(Path(killed).rglob(".tmp-*"))
        print(f"{kills} kills over {rounds + 1} rounds of a {whole_s:.1f} s job: {clips} clips present, none torn,")
        print(f"decoded frames identical to the run left alone; {len(leftovers)} temporary files left")


def assert_equal(alone: Path, killed: Path) -> int:
    """Fails loudly where a clip is missing or differs; returns the number of clips."""
    one, two = pixels(alone), pixels(killed)
    bad = [name for name in one if name not in two or not np.array_equal(one[name], two[name])]
    if bad or one.keys() != two.keys():
        raise SystemExit(f"different or missing: {bad or one.keys() ^ two.keys()}")
    return len(one)


if __name__ == "__main__":
    main()
