"""What drafts cost, and what they save: drafts and a few finals, beside all finals and beside separate quick renders.

    python benchmarks/drafts.py FOLDER [--clips 100] [--finals 10] [--draft 8] [--rounds 3] [KEY=VALUE ...]

Three ways to get `--finals` good clips of `--clips`, on the embedded model (20 steps), each from the command line, in
processes and with a store of its own:

* finals: all clips to the end.
* drafts: `draft=8`, then `continue RUN_DIR pick=[...]`.
* quick: `quality=quick` (5 steps on a schedule of its own), then the same job with `pick=[...]`: nothing of the quick
  renders can be used.

The ways alternate, in another order each round, so that what else the machine does meets all of them. Of each the wall
time and the CPU time of all its processes are measured, starts included. What is printed and written to
FOLDER/drafts.json are the ratios within each round, and their median, least and most. Overrides go to every command
that renders; without `executor.workers` one worker makes the clips. A clip of the embedded model takes little longer to
denoise than to decode and export: `model.reference.num_inference_steps=100 --draft 40` stands for slower models.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

COLOURS, SHAPES, WAYS = ("red", "green", "blue", "yellow"), ("circle", "square", "triangle"), ("left", "right", "up")
SEEDS = 4


@dataclass(frozen=True, slots=True)
class Taken:
    """What commands took, seconds: of the clock, and of the CPU in all their processes."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


@dataclass(frozen=True, slots=True)
class Study:
    """What is compared.

    Attributes:
        folder: where runs and stores go.
        finals: how many clips are finished where not all are.
        draft: steps of a draft.
        overrides: of every command that renders.
    """

    folder: Path
    finals: int
    draft: int
    overrides: tuple[str, ...]

    def all_finals(self) -> Taken:
        """Renders every clip to the end."""
        return self._render("finals")

    def drafts(self) -> Taken:
        """Drafts every clip, and continues some."""
        drafted = self._render("drafts", f"draft={self.draft}")
        ids = [record["clip"] for record in self._records("drafts")]
        return drafted + measured("continue", self._run("drafts"), f"pick=[{','.join(self._some(ids))}]")

    def quick(self) -> Taken:
        """Renders every clip in few steps of its own schedule, and some of them again."""
        from vgpipe.report.commands import pick_of

        rendered = self._render("quick", "quality=quick")
        picks = self._some([str(pick_of(record)) for record in self._records("quick")])
        return rendered + self._render("quick", f"pick=[{','.join(picks)}]", run="quick-finals")

    def _some(self, names: Sequence[str]) -> list[str]:
        """Returns names from all over the job."""
        return [names[index * len(names) // self.finals] for index in range(self.finals)]

    def _render(self, way: str, *more: str, run: str | None = None) -> Taken:
        places = (f"store.dir={self.folder / way / 'store'}", f"hydra.run.dir={self._run(run or way)}")
        return measured(f"job={self.folder / 'job.yaml'}", *places, *self.overrides, *more)

    def _run(self, name: str) -> str:
        return str(self.folder / "runs" / name)

    def _records(self, name: str) -> list[Mapping[str, str]]:
        lines = Path(self._run(name), "clips.jsonl").read_text("utf-8").splitlines()
        return list({record["clip"]: record for record in map(json.loads, lines)}.values())


def measured(*arguments: str) -> Taken:
    """Runs a command, which has to succeed, and returns what it took."""
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "vgpipe", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(f"{command} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return Taken(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def job_text(clips: int) -> str:
    """Returns a job of that many clips: prompts of four seeds each, and the last one of fewer."""
    lines = []
    for number, first in enumerate(range(0, clips, SEEDS)):
        colour, shape, way = COLOURS[number % 4], SHAPES[number % 3], WAYS[number // 12 % 3]
        text = f"a small {colour} {shape} moving {way} on a black background"
        seeds = [100 * number + seed for seed in range(min(SEEDS, clips - first))]
        lines.append(f"  - {{prompt: {text}, seeds: {seeds}}}")
    return "\n".join(["prompts:", *lines, ""])


def round_of(study: Study, number: int) -> dict[str, Taken]:
    """Returns what each way took, in an order that differs from round to round."""
    ways: list[tuple[str, Callable[[], Taken]]] = [
        ("finals", study.all_finals),
        ("drafts", study.drafts),
        ("quick", study.quick),
    ]
    found = {}
    for name, make in ways[number % 3 :] + ways[: number % 3]:
        for leftover in (study.folder / name, study.folder / "runs"):
            shutil.rmtree(leftover, ignore_errors=True)
        found[name] = make()
        print(f"  {name:<8}{found[name].wall_s:8.1f} s {found[name].cpu_s:8.1f} CPU s", flush=True)
        shutil.rmtree(study.folder / name, ignore_errors=True)
    return found


def ratios(rounds: Sequence[Mapping[str, Taken]], over: str, under: str, field: str) -> dict[str, float]:
    """Returns the median, least and most of how much less one way takes than another.

    Args:
        rounds: what each way took.
        over: the way that takes more.
        under: the way that takes less.
        field: of `Taken`.
    """
    each = [getattr(one[over], field) / getattr(one[under], field) for one in rounds]
    return {"median": statistics.median(each), "least": min(each), "most": max(each)}


def main() -> None:
    """Measures, and writes what it finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--finals", type=int, default=10)
    parser.add_argument("--draft", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given, overrides = parser.parse_known_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    folder = given.folder.absolute()
    (folder / "job.yaml").write_text(job_text(given.clips), "utf-8")
    study = Study(folder, given.finals, given.draft, ("executor.workers=1", *overrides))
    rounds = []
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds}", flush=True)
        rounds.append(round_of(study, number))
    found = {
        f"{over} / drafts, {field}": ratios(rounds, over, "drafts", field)
        for over in ("finals", "quick")
        for field in ("wall_s", "cpu_s")
    }
    for name, ratio in found.items():
        print(f"{name:<24} {ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f})")
    facts = {"clips": given.clips, "finals": given.finals, "draft": given.draft, "cores": os.cpu_count()}
    taken = [{name: asdict(one) for name, one in each.items()} for each in rounds]
    (folder / "drafts.json").write_text(json.dumps({**facts, "ratios": found, "rounds": taken}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
