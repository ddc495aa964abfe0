"""Damages the store and the directory of a run at random, one file at a time, and sees what becomes of the clips.

usage: python benchmarks/corruptions.py [--count 200] [--seed 0] [--keep FILE]

A small job is rendered to its end, up to a kill in the middle of denoising, and up to one in the middle of exporting.
Each corruption starts from a copy of one of the three, and is followed by `report`, then by `resume` or the same job
again; where `resume` is refused, by the same job again. Every command is a fork of one process that has imported the
libraries, with a time limit and at most 4 GiB.

A clip counts as right where its frames are those of a run that was left alone. What counts as a fault: a
run that ends well with other frames, a refusal or failure that names no damaged file, a traceback, a command that hangs
or takes the memory.

Of 200 (seed 0; 111 in the store, 89 in the run; CPU, a tiny Wan checkpoint): no fault. 117 of 134 resumes and all 83 of
the same job again, 17 of them after a resume that was refused by name, delivered every frame. `report` made 191 pages,
refused eight runs whose folder was gone, and named a page whose place a folder took. The slowest command took 14 s on a
machine that was busy otherwise, the largest process 446 MiB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", VGPIPE_CONFIG="")
from imageio_ffmpeg import read_frames
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.corruptions import DAMAGES, changed, files_below, names_of

WORDS = "<pad> </s> <unk> a small large red blue circle square moving left right on black white background"
JOB = """\
prompts:
  - {prompt: a red circle, seeds: [0, 1]}
  - {prompt: a blue square, num_frames: 9}
  - {prompt: a small circle moving left}
"""
SETTINGS = (
    *("exporter=frames+mp4", "hydra.run.dir=run", "clip.width=32", "clip.height=32", "quality.num_inference_steps=4"),
    *("executor.canary=false", "executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0"),
)
LIMIT_S, LIMIT_BYTES = 120, 4 << 30
RIGHT, REFUSED, FAILED = "right", "refused by name", "failed by name"
FAULTS = ("silent", "refused without a name", "failed without a name", "traceback", "hung", "killed")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), what it wrote, seconds, and its largest RAM."""

    code: int
    text: str
    seconds: float
    ram_mib: int


def forked(work: Path, act: Callable[[], int]) -> Ended:
    """Runs a command in a fork of this process, which has imported everything."""
    output = work.with_name("output.txt")
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(work, output)
        code = 99
        try:
            code = act()
        finally:
            sys.stdout.flush()
            os._exit(code)
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - started > LIMIT_S:
            os.kill(child, signal.SIGKILL)
            pid, status, usage = os.wait4(child, 0)
            break
        time.sleep(0.02)
    text = output.read_text("utf-8", "replace")
    return Ended(os.waitstatus_to_exitcode(status), text, time.monotonic() - started, usage.ru_maxrss >> 10)


def _become(work: Path, output: Path) -> None:
    os.chdir(work)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(descriptor, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))


def vgpipe(*arguments: str) -> Callable[[], int]:
    """Returns what runs a command line."""

    def act() -> int:
        from vgpipe.cli import main

        try:
            return int(main(list(arguments)) or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
            return 98

    return act


def killed_in_denoising(*arguments: str) -> Callable[[], int]:
    """Returns what runs a command line and ends the process after the sixth checkpoint, as a kill does."""

    def act() -> int:
        from vgpipe.stages import checkpoints

        written, write = [], checkpoints.write

        def counted(*given: object) -> None:
            write(*given)  # type: ignore[arg-type]
            written.append(1)
            if len(written) == 6:
                os._exit(97)

        checkpoints.write = counted  # type: ignore[assignment]
        return vgpipe(*arguments)()

    return act


def killed_in_exporting(*arguments: str) -> Callable[[], int]:
    """Returns what runs a command line and ends the process in its second export, as a kill does."""

    def act() -> int:
        from vgpipe.executor.delivery import ExportDelivery

        begun, export = [], ExportDelivery.export

        def counted(self: ExportDelivery, *given: object) -> object:
            begun.append(1)
            if len(begun) == 2:
                os._exit(97)
            return export(self, *given)  # type: ignore[arg-type]

        ExportDelivery.export = counted  # type: ignore[assignment, method-assign]
        return vgpipe(*arguments)()

    return act


def frames_of(work: Path) -> dict[str, str]:
    """Returns a digest of the pixels of every image and video of the run."""
    found = [*(work / "run").glob("frames/*/*.png"), *(work / "run").glob("videos/*.mp4")]
    return {path.relative_to(work).as_posix(): pixels(path) for path in sorted(found) if path.is_file()}


def pixels(path: Path) -> str:
    """Returns a digest of a file's pixels: what it says of how it was made is not what it shows."""
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return hashlib.sha256(picture.tobytes()).hexdigest()
    digest = hashlib.sha256()
    for frame in [*read_frames(str(path))][1:]:
        digest.update(frame)
    return digest.hexdigest()


def shows(work: Path, right: dict[str, str]) -> bool:
    """Says whether a run shows these frames; a file that cannot be decoded shows others."""
    try:
        return frames_of(work) == right
    except (OSError, RuntimeError, ValueError, SyntaxError):
        return False


def judged(ended: Ended, work: Path, names: set[str], right: dict[str, str]) -> str:
    """Returns what a command that makes clips came to."""
    log = work / "run/run.log"
    said = ended.text + (log.read_text("utf-8", "replace") if log.is_file() and not log.is_symlink() else "")
    if "Traceback" in ended.text or ended.code in (98, 99):
        return "traceback"
    if ended.code == -signal.SIGKILL:
        return "hung"
    if ended.code < 0:
        return "killed"
    if ended.code == 0:
        return RIGHT if shows(work, right) else "silent"
    is_named = any(name in said for name in names)
    return (REFUSED if is_named else "refused without a name") if ended.code == 2 else (
        FAILED if is_named else "failed without a name"
    )  # fmt: skip


class Study:
    """The corruptions of one seed.

    Args:
        folder: empty; holds the runs.
        dice: chooses.
    """

    def __init__(self, folder: Path, dice: random.Random):
        self.work, self.folder, self.dice = folder / "work", folder, dice
        self.job = ("job=job.yaml", f"model.id={folder / 'model'}", *SETTINGS)
        self.right: dict[str, str] = {}
        self.slowest_s, self.largest_mib = 0.0, 0

    def prepare(self) -> None:
        """Renders the job whole and up to a kill."""
        from tests.tiny_checkpoints import save_tiny_wan

        save_tiny_wan(self.folder / "model", WORDS.split())
        acts = {"whole": vgpipe, "denoising": killed_in_denoising, "exporting": killed_in_exporting}
        for name, act in acts.items():
            self.work.mkdir()
            (self.work / "job.yaml").write_text(JOB)
            ended = forked(self.work, act(*self.job))
            if ended.code != (0 if name == "whole" else 97):
                raise SystemExit(f"{name}: {ended.code}\n{ended.text}")
            self.right = self.right or frames_of(self.work)
            shutil.copytree(self.work, self.folder / name, symlinks=True)
            shutil.rmtree(self.work)

    def one(self) -> tuple[str, list[str]]:
        """Makes one corruption; returns what it was and what each command came to."""
        start = self.dice.choice(["whole", "denoising", "exporting"])
        place = self.dice.choice(["run", "outputs/.store"])
        while True:
            shutil.rmtree(self.work, ignore_errors=True)
            os.system(f"cp -a '{self.folder / start}' '{self.work}'")
            files = files_below(self.work / place)
            path, damage = self.dice.choice(_one_of_each_kind(files, self.dice)), self.dice.choice(DAMAGES)
            if damage(path, self.dice, files):
                break
        told = f"{start}: {damage.__name__} {path.relative_to(self.work)}"
        names = names_of(changed(self.folder / start, self.work))
        return told, [*self._reported(names), *self._made(names)]

    def _reported(self, names: set[str]) -> list[str]:
        ended = self._timed(vgpipe("report", "run"))
        if "Traceback" in ended.text or ended.code in (98, 99):
            return ["report: traceback"]
        if ended.code < 0:
            return ["report: hung" if ended.code == -signal.SIGKILL else "report: killed"]
        if ended.code and not any(name in ended.text for name in (*names, "run")):
            return ["report: refused without a name"]
        return [f"report: {'refused' if ended.code else 'made'}"]

    def _made(self, names: set[str]) -> list[str]:
        again, resumed = ("the job again", vgpipe(*self.job)), ("resume", vgpipe("resume", "run"))
        commands = [resumed, again] if self.dice.random() < 0.6 else [again]
        found = []
        for name, act in commands:
            ended = self._timed(act)
            verdict = judged(ended, self.work, names, self.right)
            found.append(f"{name}: {verdict}")
            if any(fault in verdict for fault in FAULTS):
                found.append(ended.text[-1500:])
            if verdict == RIGHT:
                break
        return found

    def _timed(self, act: Callable[[], int]) -> Ended:
        ended = forked(self.work, act)
        self.slowest_s, self.largest_mib = max(self.slowest_s, ended.seconds), max(self.largest_mib, ended.ram_mib)
        return ended


def _one_of_each_kind(files: list[Path], dice: random.Random) -> list[Path]:
    """Returns one file of each name and place: a run has as many frames as a store has artifacts."""
    kinds: dict[str, list[Path]] = {}
    for path in files:
        kinds.setdefault(path.name if path.suffix != ".png" else "*.png", []).append(path)
    return [dice.choice(found) for found in kinds.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where to write what every corruption came to, as JSON lines")
    options = parser.parse_args()
    import diffusers  # noqa: F401 (what every fork needs)
    import transformers  # noqa: F401

    import vgpipe.commands.registry
    import vgpipe.executor.rendering  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder), random.Random(options.seed))
        study.prepare()
        outcomes: Counter[str] = Counter()
        for number in range(options.count):
            told, came = study.one()
            faults = [one for one in came if any(fault in one for fault in FAULTS)]
            outcomes.update(one for one in came if ": " in one and "\n" not in one)
            if options.keep:
                with options.keep.open("a") as file:
                    file.write(json.dumps({"number": number, "told": told, "came": came}) + "\n")
            if faults:
                print(f"{number} {told}: {'; '.join(came)}", flush=True)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:5} {outcome}")
    print(f"slowest command {study.slowest_s:.1f} s, largest process {study.largest_mib} MiB")


if __name__ == "__main__":
    main()
