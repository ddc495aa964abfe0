"""Makes every file operation of a small job fail in turn, resumes, and compares with the job left alone.

usage: python benchmarks/failpoints.py [--every 1 --offset 0] [--clips 2] [--exporter mp4] [SETTING...]

Needs Linux, a C compiler and some 50 MB in /dev/shm. The job: one or two clips of the embedded model, 64x64x9, 2 steps,
a checkpoint after each. For every operation below its folder (store, run directory, cache, temporary files) there are
runs in which

  eio   it fails with EIO, once
  full  from there on everything that takes space fails with ENOSPC, the first write after half of it
  tear  the process is killed in the middle of it, where it is a write
  cut   the process is killed before it; what is left is finished as it is, or with the names of what was not flushed
        but without its content (empty, zeros, or either at random), in turn; after each flush, also without anything
        that was not flushed: in between that changes nothing

and each is then finished, by `resume` and by the same command in turn; by the command also where `resume` refuses,
because there is no run directory yet. Files and latents have to be those of the job left alone, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.failpoints.attack import Attack, Fault, Job, Tally
from tests.failpoints.rendered import broken_promises, leftovers, result_of, warm_up
from tests.failpoints.shim import LIBRARY, Shim, is_available, preload
from tests.failpoints.warm import WarmParent

PROMPTS = ("{prompt: a small red circle moving left, seed: 1}", "{prompt: a large blue square, seed: 2}")
COMMAND = (
    "job=job.yaml", "clip.width=64", "clip.height=64", "clip.num_frames=9", "quality.num_inference_steps=2",
    "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "hardware.threads=1", "hydra.run.dir=run",
)  # fmt: skip
RESUME = ("resume", "run")
CUT = "cut"


def may_end(root: Path) -> tuple[int, ...]:
    """Returns the exit codes of a job that a failing disk disturbed."""
    return (1, 3) if (root / "run/clips.jsonl").exists() else (1, 2, 3)


def preloaded(folder: Path) -> Path:
    """Starts this program again with the shim; returns the folder for its files."""
    if LIBRARY in os.environ:
        return Path(os.environ["FAILPOINTS"])
    if not is_available():
        raise SystemExit("needs Linux and a C compiler (cc)")
    scratch = Path(tempfile.mkdtemp(prefix="failpoints-", dir=folder))
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VGPIPE_CONFIG": "", "FAILPOINTS": str(scratch)}
    os.execve(sys.executable, [sys.executable, *sys.argv], preload(scratch))


def report(fault: str, tally: Tally, seconds: float) -> None:
    """Prints what came of one kind of fault."""
    codes = ", ".join(f"{times} with {code}" for code, times in tally.codes.most_common())
    by = ", ".join(f"{times} by {how}" for how, times in tally.finished_by.items())
    print(f"{fault:5} {tally.runs} finished in {seconds:.0f} s ({by}); the disturbed ones ended: {codes}")
    print(f"      wrong: {len(tally.wrong)}", flush=True)
    for line in tally.wrong[:40]:
        print(f"      {line}", flush=True)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th operation")
    parser.add_argument("--offset", type=int, default=0, help="beginning with this one, from 0")
    parser.add_argument("--clips", type=int, choices=(1, 2), default=2, help="of the job")
    parser.add_argument("--exporter", default="mp4")
    parser.add_argument("--faults", default="cut,eio,full,tear")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    parser.add_argument("settings", nargs="*", help="more settings of the job, clip.num_frames=41 for one")
    options = parser.parse_args()
    scratch = preloaded(options.folder)
    root, command = scratch / "work", (*COMMAND, f"exporter={options.exporter}", *options.settings)
    for name in ("start", "work"):
        (scratch / name / "tmp").mkdir(parents=True)
        (scratch / name / "job.yaml").write_text(f"prompts: [{', '.join(PROMPTS[: options.clips])}]")
    warm_up(root, command)
    from vgpipe.cli import main as vgpipe

    shutil.copytree(root / "cache", scratch / "start/cache")
    start, resume = partial(vgpipe, list(command)), partial(vgpipe, list(RESUME))
    whole = result_of(root)
    job = Job(
        start,
        {"resume": resume, "the command again": start},
        result_of,
        leftovers,
        may_end,
        partial(broken_promises, whole=whole),
    )
    attack = Attack(WarmParent(root, scratch), Shim(), scratch, job)
    operations = attack.operations()
    kinds = Counter(one.kind for one in operations)
    print(f"{len(operations)} operations: {', '.join(f'{times} {kind}' for kind, times in kinds.most_common())}")
    (scratch / "operations").write_text("\n".join(map(str, operations)))
    chosen = operations[options.offset :: options.every]
    wrong = 0
    for fault in options.faults.split(","):
        started, tally = time.monotonic(), Tally()
        for tally in attack.cut_power(chosen) if fault == CUT else attack.disturb(chosen, Fault[fault.upper()]):
            print(f"\r{fault}: {tally.runs}, {len(tally.wrong)} wrong ", end="", file=sys.stderr, flush=True)
        report(fault, tally, time.monotonic() - started)
        wrong += len(tally.wrong)
    if wrong:
        raise SystemExit(f"{wrong} went wrong; what they left: {scratch / 'wrong'}")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
