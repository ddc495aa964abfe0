"""Frees the garbage of a store of 50 runs made with different settings, and of one that a process renders into.

usage: python benchmarks/store_gc.py [--runs 50] [--only runs|beside|kills|size] [--keep DIR]

runs    50 runs of the embedded model share a store: prompts and seeds that recur, several sizes, lengths, rates,
        formats and long clips; five are stopped in the middle of a clip, five lie outside the outputs. 20 directories
        are removed, and all is made to look three days old. After `gc` the store is verified; each kept run is started
        again and must take everything from the store; each stopped one is resumed, must denoise no clip that had its
        latents, and must give the bytes of a run that was never stopped.
beside  A process renders a job while another frees garbage in a loop, first by the rules, then without age limits, so
        that whatever no record names goes at once. Its files must be those of a run that was left alone.
kills   The second process is killed (kill -9) at random moments, 20 times; the store is verified after each.
size    The time for a store of 20,000 artifacts.

docs/store.md has what it found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vgpipe
from vgpipe.executor.progress_state import ProgressState
from vgpipe.garbage.tidying import Tidying
from vgpipe.stages.store_check import check_store
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.store.run_list import FOLDER, SINCE
from vgpipe.units import MIB

PROMPTS = (
    "a small red circle moving left", "a large blue square on black", "a green triangle on white", "a yellow circle",
    "a small white square moving right", "a purple triangle moving up",
)  # fmt: skip
SIZES, LENGTHS, FORMATS = ((48, 48), (64, 48), (64, 64)), (5, 9, 13), ("mp4", "gif", "frames", "mp4+gif")
QUIET = ["checks=off", "executor.workers=1", "run.plan=off", "executor.checkpoint_steps=1"]
QUIET += ["executor.checkpoint_interval_s=0", "hardware.threads=1"]
OLD_S = 3 * 86_400
IS_STOPPED, IS_ELSEWHERE, IS_LONG = (lambda number: number % 10 == 9), (lambda number: number % 10 == 3), 7
LOOP = """
import sys, time
from pathlib import Path
from vgpipe.garbage import choice, needs, tidying
from vgpipe.garbage.tidying import Tidying, tidy
if sys.argv[2] == "hostile":
    choice.LEAST_AGE_S = tidying.LEAST_AGE_S = 0.0
    needs.RunNeeds.may_have_made = lambda self, made_s: False
rounds = freed = items = 0
while not Path(sys.argv[1], "end").exists():
    try:
        _, gone = tidy(Tidying(Path(sys.argv[1])))
    except OSError:
        continue
    rounds, freed, items = rounds + 1, freed + gone.own_bytes, items + sum(gone.count.values())
    Path(sys.argv[1], "said").write_text(f"{rounds} rounds freed {items} items, {freed} bytes")
    time.sleep(0.05)
"""


@dataclass
class Made:
    """A run of the study.

    Attributes:
        root: its directory.
        arguments: what `vgpipe.run` was given.
        files: path -> SHA-256 of what it delivered.
        is_stopped: whether it was stopped.
    """

    root: Path
    arguments: dict[str, Any]
    files: dict[str, str]
    is_stopped: bool


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--only", choices=("runs", "beside", "kills", "size"))
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    root = given.keep or Path(tempfile.mkdtemp(prefix="vgpipe-gc-"))
    root.mkdir(parents=True, exist_ok=True)
    os.chdir(root)
    try:
        for name, part in (("runs", of_runs), ("beside", beside), ("kills", kills), ("size", of_size)):
            if given.only in (None, name):
                part(root / name, given.runs)
    finally:
        if given.keep is None:
            shutil.rmtree(root, ignore_errors=True)


def of_runs(root: Path, count: int) -> None:
    root.mkdir()
    os.chdir(root)
    store, kept = root / "outputs" / ".store", vgpipe.KeptModels()
    runs = [make(root, number, kept) for number in range(count)]
    gone = [one for number, one in enumerate(runs) if number % 5 in (0, 1) and not one.is_stopped][: count * 2 // 5]
    for one in gone:
        shutil.rmtree(one.root)
    runs = [one for one in runs if one not in gone]
    make_old(store, [one.root for one in runs])
    print(
        f"{count} runs, {len(gone)} directories removed, {sum(one.is_stopped for one in runs)} of the rest unfinished"
    )
    before = Tidying(store).outlook().inventory
    on_disk = used(root)
    print(command("gc", "--dry-run").stdout)
    started = time.monotonic()
    print(command("gc").stdout.splitlines()[-1], f"in {time.monotonic() - started:.1f} s with start-up")
    after = Tidying(store).outlook().inventory
    print(f"store: {before.own_bytes / MIB:.2f} -> {after.own_bytes / MIB:.2f} MiB; {used_text(on_disk, used(root))}")
    verified = command("verify", "--store")
    print("verify --store:", verified.stdout.strip())
    lost = [one.root.name for one in runs if delivered(one.root) != one.files]
    print(f"kept runs whose files changed: {lost or 'none'}")
    finished = [one for one in runs if not one.is_stopped]
    again = Counter(is_reused(one, root, kept) for one in finished)
    print(f"started again, everything from the store: {again[True]} of {len(finished)}")
    stopped = [one for one in runs if one.is_stopped]
    resumed = [resume(one, root, kept) for one in stopped]
    print(f"resumed without denoising finished clips again, same bytes: {sum(resumed)} of {len(stopped)}")


def make(root: Path, number: int, kept: vgpipe.KeptModels) -> Made:
    chosen = random.Random(number).sample(PROMPTS, 2)
    width, height = SIZES[number % 3]
    frames = 25 if number % 10 == IS_LONG else LENGTHS[number // 3 % 3]
    clip = {"width": width, "height": height, "num_frames": frames, "seed": number // 5, "fps": (8, 12)[number % 2]}
    if number % 10 == IS_LONG:
        clip["segment_num_frames"] = 13
    overrides = [
        *QUIET,
        "quality=quick",
        f"quality.num_inference_steps={3 + number % 3}",
        f"exporter={FORMATS[number % 4]}",
    ]
    place = root / "elsewhere" if IS_ELSEWHERE(number) else root / "outputs" / f"job {number % 7}"
    arguments = {"prompts": chosen, "clip": clip, "overrides": [*overrides, f"store.dir={root}/outputs/.store"]}
    out = place / f"{number:03d}"
    render(arguments, out, kept, stops=IS_STOPPED(number))
    return Made(out, arguments, delivered(out), IS_STOPPED(number))


def render(arguments: dict[str, Any], out: Path, kept: vgpipe.KeptModels, *, stops: bool = False) -> vgpipe.Run:
    """Renders a run; one that stops does so after a step of its second clip."""
    cancel, seen = vgpipe.CancelToken(), set()

    def look(state: ProgressState) -> None:
        if stops and state.stage == "denoise" and state.step and "canary" not in state.clip:
            seen.add(state.clip)
            if len(seen) == 2:
                cancel.cancel("the study stops it")

    return vgpipe.run(**arguments, out=out, kept=kept, cancel=cancel, on_progress=look, show_progress=False)


def is_reused(one: Made, root: Path, kept: vgpipe.KeptModels) -> bool:
    out = root / "outputs" / "again" / one.root.name
    run = render(one.arguments, out, kept)
    return all(clip.is_reused for clip in run.clips) and list(delivered(out).values()) == list(one.files.values())


def resume(one: Made, root: Path, kept: vgpipe.KeptModels) -> bool:
    records = clips_of(one.root)
    latents = {name: record["artifacts"]["latents"] for name, record in records.items()}
    store = Path(str(one.arguments["overrides"][-1]).partition("=")[2])
    had = {name for name, digest in latents.items() if (store / "denoise" / digest[:2] / digest).exists()}
    had_checkpoint = any((store / "checkpoint").glob(f"*/{digest}*") for digest in latents.values())
    mark = len((one.root / "events.jsonl").read_text().splitlines())
    vgpipe.resume(one.root, kept=kept, show_progress=False)
    events = [json.loads(line) for line in (one.root / "events.jsonl").read_text().splitlines()[mark:]]
    denoised = {event["clip"] for event in events if event["event"] == "stage_done" and event["stage"] == "denoise"}
    fresh = dict(one.arguments, overrides=[*one.arguments["overrides"][:-1], f"store.dir={root}/reference"])
    reference = root / "reference runs" / one.root.name
    render(fresh, reference, kept)
    is_same = delivered(one.root) == delivered(reference)
    return is_same and not denoised & had and bool(had) and (had_checkpoint or len(had) == len(latents))


def beside(root: Path, _count: int) -> None:
    for rules in ("by the rules", "hostile"):
        place = root / rules
        (place / "shared").mkdir(parents=True)
        os.chdir(place)
        kept, clip = vgpipe.KeptModels(), {"width": 64, "height": 64, "num_frames": 25, "segment_num_frames": 13}
        arguments = {"prompts": list(PROMPTS[:4]), "clip": clip, "overrides": [*QUIET, "quality=quick"]}
        alone = dict(arguments, overrides=[*arguments["overrides"], f"store.dir={place}/alone"])
        render(alone, place / "alone run", kept)
        store = place / "shared" / ".store"
        for number in range(2):  # garbage of runs that are gone
            garbage = dict(arguments, clip={**clip, "seed": 100 + number})
            garbage["overrides"] = [*arguments["overrides"], f"store.dir={store}"]
            render(garbage, place / "shared" / f"gone {number}", kept)
            shutil.rmtree(place / "shared" / f"gone {number}")
        make_old(store, [])
        looper = subprocess.Popen([sys.executable, "-c", LOOP, str(store), rules])
        together = dict(arguments, overrides=[*arguments["overrides"], f"store.dir={store}"])
        try:
            render(together, place / "shared" / "run", kept)
            again = render(together, place / "shared" / "again", kept)
        finally:
            (store / "end").touch()
            looper.wait()
        is_same = delivered(place / "shared" / "run") == delivered(place / "alone run")
        log = (place / "shared" / "run" / "run.log").read_text()
        print(f"beside a rendering process, {rules}: {(store / 'said').read_text()}; same files: {is_same}; "
              f"made again {log.count('made again') + log.count('making them again')} times; "
              f"repeated run from the store: {all(one.is_reused for one in again.clips)}")  # fmt: skip


def kills(root: Path, _count: int) -> None:
    draw, left = random.Random(0), 0
    store = root / "outputs" / ".store"
    damaged = 0
    for _ in range(20):
        fill(store, 60)
        make_old(store, [])
        child = subprocess.Popen([sys.executable, "-c", LOOP, str(store), "hostile"])
        while len(list(store.glob("denoise/*/[0-9a-f]*"))) > draw.randrange(55) and child.poll() is None:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
        (store / FOLDER / ".lock").unlink(missing_ok=True)
        left += len(list(store.glob("*/*/.tmp-*")))
        damaged += any(one.damage for one in check_store(store))
    os.chdir(root)
    freed = command("gc", f"store.dir={store}")
    print(f"20 kills: {damaged} stores damaged, {left} half-removed artifacts; then {freed.stdout.splitlines()[-1]}")
    print(f"left: {len(list(store.glob('*/*/*')))} items")


def of_size(root: Path, _count: int) -> None:
    store = root / "outputs" / ".store"
    fill(store, 1)
    template = next(store.glob("denoise/*/*"))
    for number in range(20_000):
        shutil.copytree(template, store / "denoise" / f"{number % 256:02x}" / f"{number:064x}")
    make_old(store, [])
    os.chdir(root)
    for typed in ("--dry-run", "--keep-days=0"):
        used_s, started = os.times(), time.monotonic()
        command("gc", typed)
        cpu_s = sum(os.times()[2:4]) - sum(used_s[2:4])
        print(f"20,000 artifacts, gc {typed}: {time.monotonic() - started:.1f} s, CPU {cpu_s:.1f} s")


def fill(store: Path, count: int) -> None:
    for number in range(count):
        with Store(store).create(Key("denoise", {"number": number, "time": time.time()})) as draft:
            draft.path("data").write_bytes(b"x" * 20_000)


def make_old(store: Path, runs: list[Path]) -> None:
    for folder in (store, *runs):
        for path in folder.rglob("*"):
            then = path.lstat().st_mtime - OLD_S
            os.utime(path, (then, then), follow_symlinks=False)
    (store / FOLDER).mkdir(exist_ok=True)
    (store / FOLDER / SINCE).write_text(f"{time.time() - 9 * OLD_S:.0f}")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vgpipe", *arguments], capture_output=True, text=True, check=False)


def clips_of(run: Path) -> dict[str, dict[str, Any]]:
    lines = map(json.loads, (run / "clips.jsonl").read_text().splitlines())
    return {record["clip"]: record for record in lines}


def delivered(run: Path) -> dict[str, str]:
    """Returns path -> SHA-256 of the files of finished clips."""
    found = {}
    for record in clips_of(run).values():
        for name in record["files"].values():
            path = run / name
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                found[str(file.relative_to(run))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return dict(sorted(found.items()))


def used(root: Path) -> int:
    """Returns the bytes of all files below a folder, each inode once."""
    sizes = {
        (one.st_dev, one.st_ino): one.st_size for one in (path.lstat() for path in root.rglob("*") if path.is_file())
    }
    return sum(sizes.values())


def used_text(before: int, after: int) -> str:
    return f"store and runs on the disk: {before / MIB:.2f} -> {after / MIB:.2f} MiB"


if __name__ == "__main__":
    main()
