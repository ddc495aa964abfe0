"""Kills real vgpipe processes in the middle of drafts and of what continues them, and compares the bits.

    nice python benchmarks/draft_kills.py ['in windows' ...]

With the embedded model: a clip of one segment, one of two segments that continue from an image, one in windows. Each is
rendered undrafted in one store. In another, `draft=8` is killed by SIGKILL in the middle of its steps and started
again; `continue RUN_DIR pick=all` is killed after a few steps more, and `resume RUN_DIR` finishes the run. All latents
and decoded frames of the undrafted store must be in the other, with the same content.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from same_bits import artifacts

from vgpipe.stages.checkpoints import done_steps

CASES = {
    "one segment": (),
    "two segments, from an image": ("clip.num_frames=29",),
    "in windows": ("clip.num_frames=25", "clip.continuation=window"),
}
COMMON = (
    "clip.prompt=a small red circle moving left on a white background", "clip.seed=3", "exporter=frames",
    "run.sheet=false", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "checks=off",
)  # fmt: skip
DRAFT, LATER = 8, 11
TOO_LONG_S = 300


class Bench:
    """One case, in a folder of its own."""

    def __init__(self, folder: Path, overrides: tuple[str, ...]):
        self.folder, self._overrides = folder, overrides
        folder.mkdir()

    def job(self, store: str, *more: str) -> tuple[str, ...]:
        """Returns the command that renders the clip into a store."""
        return (*COMMON, *self._overrides, f"hydra.run.dir=run-{store}", f"store.dir={store}", *more)

    def run(self, *arguments: str) -> None:
        """Runs vgpipe to its end, and ends this program where it fails."""
        ran = subprocess.run(self._command(arguments), cwd=self.folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            sys.exit(f"{arguments} -> exit code {ran.returncode}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}")

    def kill(self, when: Callable[[], bool], *arguments: str) -> bool:
        """Runs vgpipe and kills it; returns whether it was in the middle of its work."""
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(self._command(arguments), cwd=self.folder, start_new_session=True, **nowhere)
        deadline = time.monotonic() + TOO_LONG_S
        while process.poll() is None and not when() and time.monotonic() < deadline:
            time.sleep(0.005)
        was_running = process.poll() is None
        if was_running:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return was_running

    def steps(self, store: str) -> int:
        """Returns the steps of the farthest checkpoint in a store."""
        found = (self.folder / store / "checkpoint").glob("*/*.safetensors")
        return max((done_steps(path) for path in found if not path.name.startswith(".")), default=0)

    def states(self) -> list[str]:
        """Returns the states of the drafted run's clips."""
        lines = (self.folder / "run-drafted" / "clips.jsonl").read_text().splitlines()
        return list({one["clip"]: one["state"] for one in map(json.loads, lines)}.values())

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "vgpipe", *arguments]


def told(bench: Bench) -> list[str]:
    """Makes the clip in both ways; returns what is said of each step."""
    bench.run(*bench.job("whole"))
    drafted = bench.job("drafted", f"draft={DRAFT}")
    first = bench.kill(lambda: bench.steps("drafted") >= DRAFT // 2, *drafted)
    at = bench.steps("drafted")
    bench.run(*drafted)
    states, kept = bench.states(), bench.steps("drafted")
    second = bench.kill(lambda: bench.steps("drafted") >= LATER, "continue", "run-drafted", "pick=all")
    later = bench.steps("drafted")
    bench.run("resume", "run-drafted")
    whole, other = artifacts(bench.folder / "whole"), artifacts(bench.folder / "drafted")
    wanted = {key: files for key, files in whole.items() if key[0] in ("denoise", "decode")}
    same = sum(other.get(key) == files for key, files in wanted.items())
    return [
        f"{'killed' if first else 'ended'} at step {at}", f"{'+'.join(states)}, checkpoint at {kept}",
        f"{'killed' if second else 'ended'} at step {later}", "+".join(bench.states()), f"{same}/{len(wanted)} same",
    ]  # fmt: skip


def main() -> None:
    chosen = sys.argv[1:] or list(CASES)
    print("| clip | draft | draft again | continue | resume | latents and frames |\n" + "| --- " * 6 + "|", flush=True)
    with tempfile.TemporaryDirectory(prefix="draft-kills-") as folder:
        for name in chosen:
            print(f"| {name} | " + " | ".join(told(Bench(Path(folder, name), CASES[name]))) + " |", flush=True)


if __name__ == "__main__":
    main()
