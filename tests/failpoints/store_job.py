"""A job of two clips on the real store and run directory, without a model: what a run does on the disk, and fast.

usage, as tests/store/test_failpoints.py has it: python -m tests.failpoints.store_job FOLDER CUT=1 EIO=1 COPIES=1
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.failpoints.attack import Attack, Fault, Job
from tests.failpoints.shim import Shim
from tests.failpoints.warm import WarmParent
from vgpipe.errors import StoreError, UsageError
from vgpipe.store.artifacts import Artifact, Store
from vgpipe.store.digest import Key
from vgpipe.store.rundir import RunDir

CLIPS = ("one", "two")
CUT, COPIES = "CUT", "COPIES"
STORE, RUN = Path("outputs/.store"), Path("outputs/night/run")
NOTES = 64


def content(clip: str, stage: str) -> bytes:
    """Returns what a stage makes of a clip."""
    return hashlib.sha256(f"{clip} {stage}".encode()).digest() * NOTES


def made(store: Store, clip: str, stage: str, files: tuple[str, ...]) -> Artifact:
    """Finds an artifact, or makes it."""
    key = Key(stage, {"clip": clip})
    found = store.find(key)
    if found is None:
        with store.create(key) as draft:
            for name in files:
                draft.path(name).write_bytes(content(clip, stage))
        found = store.find(key)
    if found is None:
        raise StoreError(f"{clip} vanished")
    return found


def start() -> int:
    """Runs the job, or finishes it; returns the exit code."""
    try:
        with RunDir(RUN) as run_dir:
            return _run(run_dir)
    except (StoreError, UsageError, OSError) as error:
        sys.stderr.write(f"vgpipe: {error}\n")
        return 3


def _run(run_dir: RunDir) -> int:
    store = Store(STORE)
    run_dir.sweep_leftovers()
    store.sweep_leftovers()
    run_dir.write_config("job: night\n")
    run_dir.write_clips({"clip": clip, "state": "pending"} for clip in CLIPS)
    done = [dict(_rendered(store, run_dir, clip)) for clip in CLIPS]
    run_dir.write_clips(done)
    return 0


def _rendered(store: Store, run_dir: RunDir, clip: str) -> Iterator[tuple[str, object]]:
    frames = Key("decode", {"clip": clip})
    video, sheet = Key("export", {"clip": clip}), Key("sheet", {"clip": clip})
    if store.find(video) is None or store.find(sheet) is None:
        made(store, clip, "decode", ("frames.npy",))
        run_dir.append_event("stage_done", clip=clip)
    placed = {
        "mp4": run_dir.place("mp4", clip, made(store, clip, "export", ("video.mp4",)).paths()),
        "frames": run_dir.place("frames", clip, made(store, clip, "sheet", ("0.png", "1.png")).paths()),
    }
    record = {"clip": clip, "state": "done", "files": placed}
    run_dir.append_clip(record)
    store.discard(frames)
    yield from record.items()


def result(root: Path) -> dict[str, str]:
    """Returns what the job made, by path."""
    found = {str(record["clip"]): str(record["state"]) for record in RunDir(root / RUN).read_clips(warn=False)}
    for folder in ("videos", "frames"):
        for path in sorted((root / RUN / folder).rglob("*.*")):
            found[path.relative_to(root).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def leftovers(root: Path) -> list[str]:
    """Returns temporary files, frames that nobody needs, and artifacts that were found damaged."""
    found = [*root.rglob(".tmp-*"), *root.rglob("bad-*"), *root.rglob("frames.npy")]
    return [path.relative_to(root).as_posix() for path in found]


def broken_promises(root: Path) -> list[str]:
    """Returns what clips.jsonl says is done but is not there, in the run or in the store."""
    run_dir, store = RunDir(root / RUN), Store(root / STORE)
    records = run_dir.read_clips(warn=False) if run_dir.holds_run() else []
    broken = []
    for clip in (str(record["clip"]) for record in records if record["state"] == "done"):
        for stage, paths in (("export", [f"videos/{clip}.mp4"]), ("sheet", [f"frames/{clip}/{n}.png" for n in (0, 1)])):
            placed = [run_dir.root / path for path in paths]
            is_there = all(path.is_file() and path.read_bytes() == content(clip, stage) for path in placed)
            if not is_there or store.find(Key(stage, {"clip": clip})) is None:
                broken.append(f"{stage} of {clip} is done but not there")
    return broken


def without_links(*_arguments: object, **_options: object) -> None:
    """Refuses a hard link, as FAT and some network disks do."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def main() -> None:
    """Prints, as JSON, what came of faults, each at every n-th operation; `COPIES` is `CUT` on a disk without links."""
    scratch, faults = Path(sys.argv[1]), [argument.split("=") for argument in sys.argv[2:]]
    for name in ("start", "work", "first"):
        (scratch / name).mkdir()
    os.chdir(scratch / "first")  # imports what every run needs
    start()
    job = Job(start, {"start": start}, result, leftovers, lambda _root: (3,), broken_promises)
    attack = Attack(WarmParent(scratch / "work", scratch), Shim(), scratch, job)
    operations = attack.operations()
    found = {}
    for fault, every in faults:
        chosen = operations[:: int(every)]
        if fault == COPIES:
            os.link = without_links
        tallies = attack.cut_power(chosen) if fault in (CUT, COPIES) else attack.disturb(chosen, Fault[fault])
        tally = list(tallies)[-1]
        found[fault] = {"runs": tally.runs, "wrong": tally.wrong}
    print(json.dumps({"operations": len(operations), "faults": found}))


if __name__ == "__main__":
    main()
