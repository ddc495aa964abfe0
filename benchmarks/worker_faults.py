"""Disturbs runs with several workers, each by one random fault, and compares with a run left alone in one process.

    python benchmarks/worker_faults.py [--executor local|ray] [--rounds 60] [--seed 1] [--workers 2] [--kinds a,b]

Linux. The job: eight short clips and a long one of several segments, of the embedded model, as images. In turn, in a
random order, each kind of fault strikes a fresh run with a store of its own:

| kind | what is done |
| --- | --- |
| worker-killed, all-workers-killed, any-process-killed | SIGKILL |
| worker-sigterm, driver-sigterm | SIGTERM |
| driver-killed | SIGKILL to the driver |
| worker-disk-full | one worker can write no file longer than 0, 4 or 64 KiB |
| worker-memory | one worker may have no more than it has and 24 MiB, 8 MiB, nothing, or 64 MiB less |
| store-full | the file system of the store (mounted for it, as root) gets full, but for 0, 40 or 400 KiB |
| node-removed, node-added, nodes-exchanged | one of three nodes gone at once; a fourth one; two gone and a new one |
| object-store-full | six objects of 20 MB on each node, whose object stores hold 80 MB |

at a random moment: 0.2 to 8 s after the start, or after a random one of the denoising steps. A run that was stopped is
resumed until it ends. Then all clips have to be done, with the frames of the run left alone (clips with degradations
are counted apart); no process may be left, no file of a store may be damaged, no temporary file may outlast the same
command again. With `--executor ray`, nodes see the driver's store in half of the runs;
in the others each has a store of its own. Steps done again are those that any process did after another had done them.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fault_kinds import LOCAL, RESUME, Kind
from fault_scene import GONE_AFTER_S, Scene

if TYPE_CHECKING:
    from fault_cluster import Nodes

JOB = """
defaults: {width: 64, height: 64, num_frames: 9}
prompts:
  - {prompt: a small red circle moving left, seed: 1}
  - {prompt: a large blue square, seed: 2}
  - {prompt: a large green triangle moving up, seed: 3}
  - {prompt: a small yellow circle growing, seed: 4}
  - {prompt: a large cyan square moving right on a white background, seed: 5}
  - {prompt: a small purple triangle moving down on a black background, seed: 6}
  - {prompt: a large red circle shrinking, seed: 7}
  - {prompt: a large red circle shrinking, seed: 7, fps: 4}
  - {prompt: a small red square moving left on a white background, seed: 8, seconds: 4}
"""
COMMAND = (
    "job=job.yaml", "exporter=frames", "hydra.run.dir=run", "quality.num_inference_steps=12",
    "clip.segment_num_inference_steps=12", "executor.checkpoint_steps=3", "executor.checkpoint_interval_s=0",
)  # fmt: skip
MAX_RESUMES = 3
ROW = "{:22}{:>5}{:>6}{:>8}{:>13}{:>9}{:>28}"


@dataclass(frozen=True)
class Whole:
    """What the job left alone comes to: clip -> digest of its frames, and how many steps it takes."""

    frames: Mapping[str, str]
    steps: int


@dataclass
class Outcome:
    """What one disturbed run came to."""

    kind: str
    what: str
    wrong: list[str] = field(default_factory=list)
    degraded: int = 0
    redone: int = 0
    lost: int = 0
    resumes: int = 0
    seconds: float = 0.0


def disturbed(scene: Scene, kind: Kind, whole: Whole) -> Outcome:
    """Runs the job, disturbs it, has it finish, and looks at what it left."""
    started = time.monotonic()
    kind.prepare(scene)
    scene.start()
    outcome = Outcome(kind.name, kind.disturb(scene, whole.steps))
    outcome.what = ", ".join([*scene.notes, outcome.what])
    code = scene.end()
    outcome.wrong += [f"still running after the end: {one}" for one in scene.left_running()]
    while code != 0 and outcome.resumes < MAX_RESUMES:
        has_begun = (scene.cwd / "run/clips.jsonl").exists()
        may_end = (3, -9) if has_begun else (2, 3, -9, -15)  # refused for want of space; before signals are answered
        if not (kind.may_stop and code in may_end):
            outcome.wrong.append("it hung" if code is None else f"exit code {code}")
        kind.mend(scene)
        scene.start(*(RESUME if (scene.cwd / "run/clips.jsonl").exists() else ()))
        code, outcome.resumes = scene.end(), outcome.resumes + 1
    if code != 0:
        outcome.wrong.append(f"never finished, exit code {code}")
    judge(scene, outcome, whole)
    outcome.seconds = time.monotonic() - started
    return outcome


def judge(scene: Scene, outcome: Outcome, whole: Whole) -> None:
    """Looks at what a finished run left."""
    outcome.lost = scene.lost()
    outcome.redone = scene.steps().total() - len(scene.steps())
    frames, records = scene.frames(), scene.records()
    for clip, digest in whole.frames.items():
        if frames.get(clip) == digest:
            continue
        if records.get(clip, {}).get("degradations"):
            outcome.degraded += 1
        else:
            found = frames.get(clip, "not there")
            outcome.wrong.append(f"{clip}: {'other frames' if len(found) == 64 else found}")
    outcome.wrong += [f"damaged: {one}" for one in scene.damaged()]
    if scene.temporary():
        scene.start()
        scene.end()
        outcome.wrong += [f"not removed: {one}" for one in scene.temporary()]
    outcome.wrong += [f"left running: {one}" for one in scene.left_running()]


def left_alone(folder: Path, base: Mapping[str, str]) -> Whole:
    """Makes the job in one process, undisturbed."""
    folder.mkdir()
    (folder / "job.yaml").write_text(JOB)
    scene = Scene(folder, (*COMMAND, "executor.workers=1"), base, random.Random(0))
    scene.start()
    if scene.end() != 0:
        raise SystemExit((folder / "log.txt").read_text()[-3000:])
    whole = Whole(scene.frames(), len(scene.steps()))
    scene.remove()
    return whole


def chosen_kinds(known: Sequence[Kind], names: str | None) -> list[Kind]:
    """Returns the kinds that were asked for.

    Raises:
        SystemExit: for one that does not exist.
    """
    wanted = names.split(",") if names else [kind.name for kind in known]
    by_name = {kind.name: kind for kind in known}
    if unknown := set(wanted) - set(by_name):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(by_name)}")
    return [by_name[name] for name in wanted]


def report(outcomes: Sequence[Outcome], whole: Whole) -> None:
    """Prints a table of all kinds."""
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        by_kind[one.kind].append(one)
    print(
        "\n" + ROW.format("kind", "runs", "wrong", "resumed", "workers lost", "degraded", "steps redone: median, most")
    )
    for name, runs in sorted(by_kind.items()):
        redone = [one.redone for one in runs]
        wrong, resumed = sum(bool(one.wrong) for one in runs), sum(one.resumes > 0 for one in runs)
        lost, degraded = sum(one.lost for one in runs), sum(one.degraded for one in runs)
        spread = f"{statistics.median(redone):.0f}, {max(redone)}"
        print(ROW.format(name, len(runs), wrong, resumed, lost, degraded, spread))
    redone = sum(one.redone for one in outcomes)
    print(f"{len(outcomes)} runs, {sum(bool(one.wrong) for one in outcomes)} wrong; a run has {whole.steps} steps, "
          f"{redone / len(outcomes) / whole.steps:.1%} of them done again on average")  # fmt: skip


class Round:
    """Makes the scenes of the rounds, and removes them.

    Args:
        scratch: where they are.
        base: the environment.
        options: of the command line.
        nodes: the Ray cluster, where that is what is disturbed.
    """

    def __init__(self, scratch: Path, base: Mapping[str, str], options: argparse.Namespace, nodes: Nodes | None):
        self._scratch, self._base, self._options, self._nodes = scratch, base, options, nodes

    def run(self, number: int, kind: Kind, seed: float, whole: Whole) -> Outcome:
        """Runs one round."""
        cwd, rng = self._scratch / f"{number:03}", random.Random(seed)
        cwd.mkdir()
        (cwd / "job.yaml").write_text(JOB)
        scene = Scene(cwd, (*COMMAND, *self._place(), *kind.settings), self._base, rng)
        if self._nodes is not None:
            self._nodes.restore()
            scene.steps_file = self._nodes.steps_file
            if rng.random() < 0.5:
                scene.base = {**self._base, "NO_SHARED_STORE": "1"}
                scene.notes.append("own stores")
        outcome = disturbed(scene, kind, whole)
        if self._nodes is not None:
            outcome.wrong += [f"left running: {one}" for one in self._nodes.left_running(GONE_AFTER_S)]
        if outcome.wrong and self._options.keep:
            subprocess.run(["cp", "-r", str(cwd), str(self._options.keep)], check=False)
        if os.path.ismount(cwd / "outputs/.store"):
            subprocess.run(["umount", str(cwd / "outputs/.store")], check=False)
        scene.remove()
        return outcome

    def _place(self) -> list[str]:
        if self._nodes is not None:
            return ["executor=ray", f"executor.address={self._nodes.address}"]
        return ["executor=local", f"executor.workers={self._options.workers}"]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", choices=("local", "ray"), default="local")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="of the local executor")
    parser.add_argument("--kinds")
    parser.add_argument("--keep", type=Path, help="a folder for the runs that went wrong")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="where to work")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    scratch = Path(tempfile.mkdtemp(prefix="worker-faults-", dir=options.folder))
    base = {**os.environ, "VGPIPE_CACHE": str(scratch / "cache"), "VGPIPE_CONFIG": "", "HF_HUB_OFFLINE": "1"}
    whole = left_alone(scratch / "alone", base)
    print(f"{len(whole.frames)} clips, {whole.steps} steps", flush=True)
    nodes, known = None, LOCAL
    if options.executor == "ray":
        import fault_cluster

        nodes = fault_cluster.Nodes(scratch)
        known = fault_cluster.kinds(nodes)
    kinds = chosen_kinds(known, options.kinds)
    order = [kinds[index % len(kinds)] for index in range(options.rounds)]
    rng.shuffle(order)
    outcomes, rounds = [], Round(scratch, base, options, nodes)
    for number, kind in enumerate(order):
        outcome = rounds.run(number, kind, rng.random(), whole)
        outcomes.append(outcome)
        cost = f"{outcome.lost} workers lost, {outcome.redone} steps redone, {outcome.seconds:.0f} s"
        print(f"{number:3} {kind.name:22}{outcome.what}: {cost}", flush=True)
        for one in outcome.wrong:
            print(f"      wrong: {one}", flush=True)
    report(outcomes, whole)
    if nodes is not None:
        nodes.close()


if __name__ == "__main__":
    main()
