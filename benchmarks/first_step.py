"""How long it takes to the first denoising step: in one process, in worker processes, on Ray, and in an older version.

    python benchmarks/first_step.py [--before PYTHON] [--rounds 5] [--only NAME ...]

A round imports diffusers' Wan pipeline, as a plain script does first, then makes two clips of the embedded model in an
empty folder in each way; PYTHON is an interpreter in which an older vgpipe is installed. What counts is the median over
the rounds of the ratio to the import of the same round: other work on the machine slows down both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from run_phases import denoising_began, read_events
from start_times import SMALL, VGPIPE

IMPORT = ("-c", "from diffusers import WanPipeline")
BEFORE = "before"
WAYS: Mapping[str, tuple[str, ...]] = {
    BEFORE: (),
    "one": ("executor.workers=1",),
    "two": ("executor.workers=2",),
    "ray": ("executor=ray", "executor.workers=2"),
}
"""Name -> what is typed beside the job."""

HEAD = "way      first step s  in imports  whole s  in imports  user s"


@dataclass(frozen=True, slots=True)
class Start:
    """What a command took, seconds.

    Attributes:
        first_step_s: until its first denoising step, of the canary; of the import, until its end.
        wall_s: until its end.
        user_s: processor time of the user, that of processes that it has waited for included.
    """

    first_step_s: float
    wall_s: float
    user_s: float


def imported(python: Path) -> Start:
    """Imports the pipeline."""
    seconds, user_s = run([str(python), *IMPORT], Path())
    return Start(seconds, seconds, user_s)


def rendered(python: Path, overrides: tuple[str, ...]) -> Start:
    """Makes two clips in an empty folder."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "small.yaml").write_text(SMALL, "utf-8")
        began_at = time.time()
        command = [str(python), *VGPIPE, "job=small.yaml", "hydra.run.dir=run", *overrides]
        seconds, user_s = run(command, folder)
        return Start(denoising_began(read_events(folder / "run")) - began_at, seconds, user_s)


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Runs a command; returns its seconds, of the clock and of the processor."""
    started, before_s = time.monotonic(), os.times().children_user
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {ran.returncode}\n{ran.stderr[-3000:]}")
    return time.monotonic() - started, os.times().children_user - before_s


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    given = parser.parse_args()
    here = Path(sys.executable)
    ways = [name for name in given.only if name != BEFORE or given.before]
    imports, starts = [], {name: [] for name in ways}
    for number in range(given.rounds):
        imports.append(imported(here))
        for name in ways:
            python = given.before.absolute() if name == BEFORE else here
            starts[name].append(rendered(python, WAYS[name]))
        lines = [f"{number + 1} rounds, load {os.getloadavg()[0]:.1f}", HEAD, row("import", imports, imports)]
        sys.stdout.write("\n".join([*lines, *(row(name, starts[name], imports) for name in ways)]) + "\n")
        sys.stdout.flush()


def row(name: str, starts: list[Start], imports: list[Start]) -> str:
    """Returns medians as a line of the table."""
    middle = statistics.median
    firsts = [one.first_step_s / unit.wall_s for one, unit in zip(starts, imports, strict=True)]
    wholes = [one.wall_s / unit.wall_s for one, unit in zip(starts, imports, strict=True)]
    return (
        f"{name:8s} {middle(one.first_step_s for one in starts):12.2f}  {middle(firsts):10.2f}"
        f"  {middle(one.wall_s for one in starts):7.2f}  {middle(wholes):10.2f}"
        f"  {middle(one.user_s for one in starts):6.2f}"
    )


if __name__ == "__main__":
    main()
