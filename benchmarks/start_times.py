"""How long a start takes: two installations of vgpipe, alternating, in processor seconds of the user.

    python benchmarks/start_times.py PYTHON_A PYTHON_B [--rounds 7] [--clips 10000] [--only NAME ...] [--root FOLDER]

Each PYTHON is an interpreter in which vgpipe is installed (the same one twice shows the noise). A case is run by A,
then by B, `--rounds` times; of each the median counts.

| case | what is run |
| --- | --- |
| libraries | `import hydra, pydantic`, the unit of the last column |
| help | `--help` |
| invalid | a job with an unknown key |
| again, resume | a job whose two clips are finished; its run |
| many-again, many-resume | the same with `--clips` clips, which `benchmarks/finished_run.py` makes |
| fresh | two clips in an empty folder: imports, canary, rendering; a line says after what time denoising begins |

What the cases need is made under `--root` unless it lies there already.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from run_phases import denoising_began, read_events

HERE = Path(__file__).parent
INVALID = "prompts:\n  - {prompt: a red circle moving left, sede: 3}\n"
SMALL = (
    "prompts:\n  - a red circle moving left on a white background\n  - a blue square growing on a white background\n"
)
VGPIPE = ("-m", "vgpipe")
IMPORTS = "libraries"


@dataclass(frozen=True, slots=True)
class Case:
    """A command whose start is measured.

    Attributes:
        name: for `--only` and for the table.
        arguments: what follows the interpreter.
        exit_code: the one that it must end with.
        needs: the run that must be finished before; "" for none.
        is_fresh: whether it renders, in a folder that is emptied before each time.
    """

    name: str
    arguments: tuple[str, ...]
    exit_code: int = 0
    needs: str = ""
    is_fresh: bool = False


SMALL_RUN, MANY_RUN = "small", "many"
CASES = (
    Case(IMPORTS, ("-c", "import hydra, pydantic")),
    Case("help", (*VGPIPE, "--help")),
    Case("invalid", (*VGPIPE, "job=invalid.yaml"), exit_code=2),
    Case("again", (*VGPIPE, "job=small.yaml"), needs=SMALL_RUN),
    Case("resume", (*VGPIPE, "resume", "run"), needs=SMALL_RUN),
    Case("many-again", (*VGPIPE, "job=many.yaml", "quality=quick"), needs=MANY_RUN),
    Case("many-resume", (*VGPIPE, "resume", "run"), needs=MANY_RUN),
    Case("fresh", (*VGPIPE, "job=small.yaml", "hydra.run.dir=run"), is_fresh=True),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took, seconds; of a fresh run also after what time its denoising began."""

    user_s: float
    wall_s: float
    begins_s: float | None = None


def measured(python: Path, case: Case, folder: Path) -> Taken:
    """Runs a case in a folder; ends the program where the case ends otherwise than it must."""
    started, began_at = time.monotonic(), time.time()
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen([python, *case.arguments], cwd=folder, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != case.exit_code:
        raise SystemExit(f"{case.name}: exit code {process.returncode}\n{(folder / 'output.txt').read_text()[-3000:]}")
    seconds = time.monotonic() - started
    begins_s = denoising_began(read_events(folder / "run")) - began_at if case.is_fresh else None
    return Taken(usage.ru_utime, seconds, begins_s)


def prepared(python: Path, side: str, case: Case, root: Path, clips: int) -> Path:
    """Returns the working directory of a case; makes the finished run that it needs, with the interpreter itself."""
    folder = root / side / (case.needs or "empty")
    if case.is_fresh:
        folder = root / side / case.name
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if case.is_fresh:
        (folder / "small.yaml").write_text(SMALL, "utf-8")
    (folder / "invalid.yaml").write_text(INVALID, "utf-8")
    if case.needs == SMALL_RUN and not (folder / "run").exists():
        (folder / "small.yaml").write_text(SMALL, "utf-8")
        measured(python, Case("rendering", (*VGPIPE, "job=small.yaml", "hydra.run.dir=run")), folder)
    if case.needs == MANY_RUN and not (folder / "run").exists():
        script = str(HERE / "finished_run.py")
        measured(python, Case("preparing", (script, str(folder), "--clips", str(clips))), folder)
    return folder


def report(cases: Sequence[Case], taken: dict[tuple[str, str], list[Taken]]) -> None:
    """Prints a table: medians of both sides, their ratio, and each as a multiple of importing the libraries."""
    print("case         A user s  B user s   B/A   A wall s  B wall s  B in imports")
    unit = statistics.median(one.user_s for one in taken.get(("B", IMPORTS), [])) if ("B", IMPORTS) in taken else None
    for case in cases:
        a, b = ([one.user_s for one in taken[side, case.name]] for side in "AB")
        walls = [statistics.median(one.wall_s for one in taken[side, case.name]) for side in "AB"]
        ratio = statistics.median(second / first for first, second in zip(a, b, strict=True))
        multiple = f"{statistics.median(b) / unit:12.2f}" if unit else ""
        print(
            f"{case.name:12s} {statistics.median(a):8.2f}  {statistics.median(b):8.2f}  {ratio:4.2f}"
            f"  {walls[0]:8.2f}  {walls[1]:8.2f}{multiple}"
        )
        if case.is_fresh:
            begins = [statistics.median(one.begins_s or 0.0 for one in taken[side, case.name]) for side in "AB"]
            print(f"{case.name}: denoising begins after {begins[0]:.2f} s (A), {begins[1]:.2f} s (B)")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs=2, type=Path, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], default=[])
    parser.add_argument("--root", type=Path, help="keeps what was prepared there; default: a temporary folder")
    given = parser.parse_args()
    cases = [case for case in CASES if not given.only or case.name in given.only]
    sides = dict(zip("AB", [Path(os.path.abspath(python)) for python in given.pythons], strict=True))
    with tempfile.TemporaryDirectory() as temporary:
        root = (given.root or Path(temporary)).absolute()
        taken: dict[tuple[str, str], list[Taken]] = {}
        for number in range(given.rounds):
            for case in cases:
                for side, python in sides.items():
                    folder = prepared(python, side, case, root, given.clips)
                    taken.setdefault((side, case.name), []).append(measured(python, case, folder))
            print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    report(cases, taken)


if __name__ == "__main__":
    main()
