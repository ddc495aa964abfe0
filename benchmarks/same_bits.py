"""Compares two checkouts bit by bit, and hands the second what the first one wrote.

Renders the demo job, the film and one tiny checkpoint per family in both, each in its own folder and store, and
compares the keys and contents of all artifacts in the stores. Then the second checkout takes over what the first wrote:
it runs the same job in the first one's store, resumes a killed run of it, verifies its files and runs one again.

usage: python benchmarks/same_bits.py PYTHON_A CHECKOUT_A PYTHON_B CHECKOUT_B [--only demo,film,families,old]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STAGES = ("encode", "denoise", "decode", "tail", "export")
KEPT = ("exporter=frames", "run.metadata=false", "run.sheet=false")  # the decoded frames, losslessly, and no more
SMALL = ("clip.prompt=a small red circle", "model.dtype=float32", "model.rules.min_side=16", *KEPT)
OLD = ("run.sheet=false",)
STEPS = "quality.num_inference_steps=2"
FAMILIES = {
    "wan21_t2v_1_3b": ("clip.width=64", "clip.height=32", "clip.num_frames=5"),
    "wan21_vace_1_3b": ("clip.width=48", "clip.height=32", "clip.num_frames=5"),
    "cogvideox_2b": ("clip.width=48", "clip.height=32", "clip.num_frames=9", "model.rules.side_multiple=16"),
    "hunyuan_video": ("clip.width=48", "clip.height=32", "clip.num_frames=5"),
    "hunyuan_video_15": ("clip.width=48", "clip.height=32", "clip.num_frames=5"),
    "ltx_video_2b": ("clip.width=64", "clip.height=32", "clip.num_frames=9"),
    "ltx_video_distilled": ("clip.width=64", "clip.height=32", "clip.num_frames=9"),
    "mochi_1_preview": ("clip.width=32", "clip.height=16", "clip.num_frames=7"),
    "animatediff_sd15": ("clip.width=24", "clip.height=16", "clip.num_frames=3"),
    "text_to_video_ms": ("clip.width=24", "clip.height=16", "clip.num_frames=3"),
}
"""Model option, one of each family -> the size of its clip."""
ALL_IN_ONE_PROCESS = """
import json, sys
from vgpipe.cli import main
for command in json.loads(sys.argv[1]):
    code = main(command)
    if code:
        sys.exit(f"exit code {code}: {command}")
"""
BUILD = """
import sys
from pathlib import Path
from tests.tiny import build
for option in sys.argv[2:]:
    build(option, Path(sys.argv[1]) / option)
"""
Artifacts = dict[tuple[str, str], tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Side:
    """One checkout.

    Attributes:
        name: A or B.
        python: its interpreter.
        checkout: its root.
        folder: where it works.
    """

    name: str
    python: str
    checkout: Path
    folder: Path

    def prove_checkout(self) -> None:
        """Ends this program where the interpreter imports another checkout's vgpipe."""
        place = _good(self._python("-c", "import vgpipe; print(vgpipe.__file__)")).strip()
        if not Path(place).is_relative_to(self.checkout):
            sys.exit(f"{self.python} imports {place}, not {self.checkout}")

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs its vgpipe, by default in its own folder."""
        return self._python("-m", "vgpipe", *arguments, cwd=cwd)

    def rendered(self, *arguments: str, cwd: Path | None = None) -> str:
        """Runs its vgpipe and returns what it wrote, both streams; ends this program where it fails."""
        return _good(self.run(*arguments, cwd=cwd))

    def all(self, commands: list[list[str]]) -> None:
        """Runs several commands in one process of its own, which imports once."""
        _good(self._python("-c", ALL_IN_ONE_PROCESS, json.dumps(commands)))

    def build(self, folder: Path, options: list[str]) -> None:
        """Builds tiny checkpoints, for both."""
        _good(self._python("-c", BUILD, str(folder), *options, cwd=self.checkout))

    def unchecked(self) -> tuple[str, ...]:
        """Returns what has its vgpipe judge nothing, where it knows checks: what is random is noise to them."""
        return ("checks=off",) if (self.checkout / "conf/checks").is_dir() else ()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts its vgpipe without waiting for it."""
        return subprocess.Popen(
            [self.python, "-m", "vgpipe", *arguments], cwd=self.folder, env=self._environment(), text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _python(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [self.python, *arguments]
        return subprocess.run(
            command, cwd=cwd or self.folder, env=self._environment(), text=True, capture_output=True, check=False
        )

    def _environment(self) -> dict[str, str]:
        own = {"VGPIPE_CACHE": str(self.folder / ".cache"), "PYTHONPATH": str(self.checkout), "HF_HUB_OFFLINE": "1"}
        return {**os.environ, **own}


def _good(ran: subprocess.CompletedProcess[str]) -> str:
    if ran.returncode:
        sys.exit(f"{ran.args} -> exit code {ran.returncode}\n{ran.stdout[-2000:]}\n{ran.stderr[-4000:]}")
    return ran.stdout + ran.stderr


def artifacts(store: Path) -> Artifacts:
    """Returns (stage, digest) -> (file name, sha256 of its content) of all that is in a store."""
    found: Artifacts = {}
    for record in store.glob("*/??/*/artifact.json"):
        files = sorted(path for path in record.parent.rglob("*") if path.is_file() and path != record)
        named = [(str(path.relative_to(record.parent)), _sha256(path)) for path in files]
        found[record.parts[-4], record.parent.name] = tuple(named)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compared(a: Artifacts, b: Artifacts) -> Iterator[tuple[str, bool, str]]:
    """Gives stage, whether all is the same, and how many artifacts of how many are."""
    for stage in STAGES:
        ours, theirs = ({key: files for key, files in one.items() if key[0] == stage} for one in (a, b))
        if not ours and not theirs:
            continue
        keys = len(ours.keys() & theirs.keys())
        bits = sum(ours[key] == theirs[key] for key in ours.keys() & theirs.keys())
        total = len(ours.keys() | theirs.keys())
        yield stage, bits == total, f"{keys}/{total} keys {bits}/{total} contents"


class Table:
    """Prints what was compared, and remembers whether all of it was the same."""

    def __init__(self) -> None:
        self.is_same = True
        self._started = time.monotonic()

    def row(self, what: str, is_same: bool, detail: str) -> None:
        """Prints one line."""
        self.is_same = self.is_same and is_same
        seconds = time.monotonic() - self._started
        print(f"{seconds:6.0f} s  {what:<28}  {'same' if is_same else 'DIFFERS':<8}  {detail}", flush=True)

    def stores(self, what: str, a: Path, b: Path) -> None:
        """Compares two stores, stage by stage."""
        rows = list(compared(artifacts(a), artifacts(b)))
        detail = "; ".join(f"{stage} {counts}" for stage, _, counts in rows)
        self.row(what, bool(rows) and all(is_same for _, is_same, _ in rows), detail)


def job(side: Side, name: str) -> list[str]:
    return [f"job={side.checkout / 'jobs' / name}.yaml", f"hydra.run.dir={name}", f"store.dir=store-{name}"]


def compare_jobs(table: Table, sides: tuple[Side, Side], names: list[str]) -> None:
    """Renders jobs of both checkouts by the embedded model."""
    for name in names:
        for side in sides:
            side.rendered(*job(side, name), *KEPT, *side.unchecked())
        table.stores(name, *(side.folder / f"store-{name}" for side in sides))


def compare_families(table: Table, sides: tuple[Side, Side], models: Path) -> None:
    """Renders one clip of a tiny checkpoint of each family."""
    sides[1].build(models, list(FAMILIES))
    for side in sides:
        side.all([[*_family_command(option, models / option), *side.unchecked()] for option in FAMILIES])
    for option in FAMILIES:
        table.stores(option, *(side.folder / f"store-{option}" for side in sides))


def _family_command(option: str, folder: Path) -> list[str]:
    own = [f"model={option}", f"model.id={folder}", f"hydra.run.dir={option}", f"store.dir=store-{option}"]
    if option == "animatediff_sd15":
        adapter = "model.components.motion_adapter"
        own += [f"{adapter}.id={folder / 'adapter'}", f"{adapter}.revision=null"]
    return [*own, *SMALL, STEPS, "model.revision=null", *FAMILIES[option]]


def take_old(table: Table, a: Side, b: Side) -> None:
    """Has B take over what A wrote: its store, its killed run, its files."""
    store = a.folder / "store-old"
    a.rendered(*OLD, "hydra.run.dir=old", "store.dir=store-old", *job(a, "demo")[:1])
    _same_job_again(table, a, b, store)
    _killed_run(table, a, b)
    videos = sorted(str(path) for path in (a.folder / "old" / "videos").iterdir())
    ran = b.run("verify", *videos, "--json", f"store.dir={store}", cwd=b.folder)
    answers = [json.loads(line)["answer"] for line in ran.stdout.splitlines()]
    table.row("verify A's files", answers == ["same"] * len(videos), f"{answers.count('same')} of {len(videos)}: same")
    b.rendered("rerun", videos[0], *OLD, "hydra.run.dir=rerun", "store.dir=store-rerun", cwd=b.folder)
    ours, theirs = artifacts(store), artifacts(b.folder / "store-rerun")
    equal = sum(ours.get(key) == files for key, files in theirs.items())
    stages = sorted({stage for stage, _ in theirs})
    detail = f"{equal} of {len(theirs)} artifacts equal ({', '.join(stages)})"
    table.row("rerun A's file", equal == len(theirs) and "denoise" in stages, detail)


def _same_job_again(table: Table, a: Side, b: Side, store: Path) -> None:
    before = artifacts(store)
    b.rendered(*job(b, "demo")[:1], "hydra.run.dir=in-store-of-a", f"store.dir={store}", *OLD)
    records = _records(b.folder / "in-store-of-a")
    reused = sum(record["reused"] for record in records)
    nothing_new = artifacts(store).keys() == before.keys()
    detail = f"{reused} of {len(records)} clips reused; {'nothing' if nothing_new else 'something'} added"
    table.row("same job in A's store", reused == len(records) and nothing_new, detail)


def _killed_run(table: Table, a: Side, b: Side) -> None:
    often = ("executor.checkpoint_steps=1", "executor.checkpoint_interval_s=0", "executor.wave_size=1")
    arguments = [*job(a, "demo")[:1], "hydra.run.dir=killed", "store.dir=store-killed", *OLD, *often]
    process = a.start(*arguments)
    store = a.folder / "store-killed"
    while process.poll() is None and not (len(list(store.glob("denoise/??/*"))) > 2 and _checkpoints(store)):
        time.sleep(0.02)
    process.kill()
    process.wait()
    left = len(_checkpoints(store))
    states = [record["state"] for record in _records(a.folder / "killed")]
    resumed = b.rendered("resume", "killed", cwd=a.folder)
    done = [record["state"] for record in _records(a.folder / "killed")]
    is_done = done == ["done"] * len(done) and len(done) > 0
    detail = (
        f"{states.count('done')} of {len(states)} done and {left} checkpoints at the kill; {done.count('done')} now"
    )
    table.row("resume A's killed run", is_done and left > 0, detail)
    steps = sum("at step" in line for line in resumed.splitlines())
    table.stores(f"and it, {steps} clip in its middle", a.folder / "store-old", store)


def _checkpoints(store: Path) -> list[Path]:
    return [path for path in store.glob("checkpoint/**/*.safetensors") if not path.name.startswith(".")]


def _records(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "clips.jsonl").read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python_a")
    parser.add_argument("checkout_a", type=Path)
    parser.add_argument("python_b")
    parser.add_argument("checkout_b", type=Path)
    parser.add_argument("--only", default="demo,film,families,old", help="some of demo,film,families,old")
    options = parser.parse_args()
    chosen = options.only.split(",")
    root, table = Path(tempfile.mkdtemp(prefix="same-bits-")), Table()
    a = Side("A", options.python_a, options.checkout_a.resolve(), root / "a")
    b = Side("B", options.python_b, options.checkout_b.resolve(), root / "b")
    try:
        for side in (a, b):
            side.folder.mkdir()
            side.prove_checkout()
        compare_jobs(table, (a, b), [name for name in ("demo", "film") if name in chosen])
        if "families" in chosen:
            compare_families(table, (a, b), root / "models")
        if "old" in chosen:
            take_old(table, a, b)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print("all the same" if table.is_same else "NOT the same")
    sys.exit(0 if table.is_same else 1)


if __name__ == "__main__":
    main()
