"""A night of 200 clips in which ten kinds of trouble strike one run, which is resumed wherever it has stopped.

    python benchmarks/night.py [--clips 200] [--folder /dev/shm]

Linux, a C compiler, and root for the file system of the store. The job: clips of the embedded model, 64x64x9, 6 steps,
as mp4 and as images; first left alone, then in a fresh folder with

| trouble | what is done | what has to come of it |
| --- | --- | --- |
| bad | a clip on which the model raises IndexError, each time | failed, named |
| nan | a clip whose latents are NaN, each time | failed, named |
| black | a clip that is decoded to black frames, each time | failed by a check, named |
| ffmpeg killed | SIGKILL to an encoder | done |
| oom | a real allocation of 2^60 bytes fails in a denoising | done |
| stalled | a denoising that hangs until the run has noticed | done; a message |
| disk full | the file system of the store gets full | the run stops; resumed |
| clock jump | the wall clock of all processes 5 h ahead, then 9 h back | nothing |
| SIGTERM | to the run | the run stops; resumed |
| reboot | kill -9 of all processes | resumed |

Five strike by the seed of a clip, from inside (`night_faults/`), the others after a number of clips. At the end every
other clip has to be done, with the pixels of its images and the encoded pictures of its mp4 as in the run left alone;
those that have a degradation are listed. Messages go to a server of this script.

It found, on two busy cores: 197 good clips of 200, all with the frames of the run left alone, none degraded; the three
others failed and named; four attempts (exit codes 3, 3, -9, 1) in 347 s, 274 s for the run left alone; five messages,
one of the stall among them; the URL in no file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fault_kinds import RESUME
from night_kinds import HERE, Night, Trouble, clock_library, troubles_of

from tests.failpoints.rendered import digest_of
from tests.notify.stand_ins import Http, http_service

SHAPES = ("small red circle", "large blue square", "large green triangle", "small yellow circle", "small cyan square")
WAYS = ("moving left", "moving right", "moving up", "growing")
COMMAND = (
    "job=job.yaml", "exporter=mp4+frames", "quality.num_inference_steps=6", "executor.workers=1", "hardware.threads=1",
    "executor.checkpoint_steps=2", "executor.checkpoint_interval_s=0", "executor.wave_size=10", "hydra.run.dir=run",
    "notify.stall_after=10s", "run.budget=3h",
)  # fmt: skip
MAX_RESUMES = 8


@dataclass
class Struck:
    """What a trouble came to."""

    name: str
    what: str = ""
    clip: str = ""


@dataclass
class Morning:
    """What is there after the night."""

    troubles: tuple[Trouble, ...]
    struck: list[Struck] = field(default_factory=list)
    exits: list[int | None] = field(default_factory=list)
    seconds: float = 0.0


def write_job(folder: Path, clips: int) -> None:
    """Writes the job of so many clips; the seed of each is its number."""
    rows = [f"  - {{prompt: a {SHAPES[n % 5]} {WAYS[n // 5 % 4]}, seed: {n + 1}}}\n" for n in range(clips)]
    (folder / "job.yaml").write_text(
        "name: night\ndefaults: {width: 64, height: 64, num_frames: 9}\nprompts:\n" + "".join(rows)
    )


def left_alone(folder: Path, base: Mapping[str, str], clips: int) -> dict[str, str]:
    """Makes the job undisturbed; returns what is compared."""
    folder.mkdir()
    write_job(folder, clips)
    night = Night(folder, COMMAND, base, random.Random(0))
    night.start()
    if night.end() != 0:
        raise SystemExit((folder / "log.txt").read_text()[-3000:])
    return delivered(night)


def delivered(night: Night) -> dict[str, str]:
    """Returns clip -> digests of its images and of the pictures in its mp4; of one that is not done, why."""
    pictures, root = night.frames(), night.cwd / "run"
    return {
        clip: f"{pictures[clip]} {digest_of(root / record['files']['mp4']) if 'mp4' in record['files'] else 'no mp4'}"
        if record["state"] == "done"
        else pictures[clip]
        for clip, record in night.records().items()
    }


def disturbed(night: Night, morning: Morning) -> None:
    """Lets the night pass: strikes in turn, and resumes until the run has ended by itself."""
    night.start()
    for trouble in morning.troubles:
        if trouble.strike is None:
            continue
        wait_for_clips(night, trouble.at, morning)
        morning.struck.append(Struck(trouble.name, trouble.strike(night)))
        print(f"  {time.strftime('%H:%M:%S')} {trouble.name}: {morning.struck[-1].what}", flush=True)
    code = night.end()
    while code not in (0, 1) and len(morning.exits) < MAX_RESUMES:
        morning.exits.append(code)
        night.start(*RESUME)
        code = night.end()
    morning.exits.append(code)


def wait_for_clips(night: Night, clips: int, morning: Morning) -> None:
    """Waits until so many clips have a final state; resumes a run that has stopped."""
    while night.settled() < clips:
        if not night.is_running():
            code = night.driver.poll() if night.driver is not None else None
            if code in (0, 1) or len(morning.exits) >= MAX_RESUMES:
                return
            morning.exits.append(code)
            night.start(*RESUME)
        time.sleep(0.2)


def report(night: Night, morning: Morning, whole: Mapping[str, str], service: Http) -> list[str]:
    """Prints the tables of the morning; returns what is wrong."""
    records, found, wrong = night.records(), delivered(night), []
    by_seed = {record["seed"]: clip for clip, record in records.items()}
    said = {one.name: one.what for one in morning.struck}
    hit = {by_seed[one.at]: one for one in morning.troubles if one.strike is None and one.at in by_seed}
    print(f"\n{'trouble':15}{'clip':>5}  what came")
    for trouble in morning.troubles:
        clip = by_seed.get(trouble.at, "") if trouble.strike is None else ""
        came = (
            f"{records[clip]['state']}: {records[clip].get('error') or ', '.join(notes_of(records[clip]))}"
            if clip
            else ""
        )
        print(f"{trouble.name:15}{trouble.at if clip else '':>5}  {said.get(trouble.name) or came.rstrip(': ')}")
    good = [clip for clip in whole if not (clip in hit and hit[clip].fails)]
    same = [clip for clip in good if found.get(clip) == whole[clip]]
    degraded = [clip for clip in good if notes_of(records.get(clip, {}))]
    for clip in good:
        if found.get(clip) != whole[clip] and clip not in degraded:
            wrong.append(f"{clip}: {found.get(clip, 'not there')[:100]}")
    for clip, trouble in hit.items():
        if trouble.fails and (records[clip]["state"] != "failed" or not records[clip].get("error")):
            wrong.append(f"{clip} ({trouble.name}) is {records[clip]['state']}")
    states = [record["state"] for record in records.values()]
    print(f"\nclips: {len(records)}; done {states.count('done')}, failed {states.count('failed')}")
    print(f"good clips: {len(good)}; with the frames of the run left alone: {len(same)}; degraded: {len(degraded)}")
    for clip in degraded:
        print(f"  {clip}: {'; '.join(notes_of(records[clip]))}")
    print(f"exit codes of the attempts: {', '.join(map(str, morning.exits))}; {morning.seconds:.0f} s")
    print(f"messages: {len(service.got)}")
    for got in service.got:
        told = got.json()
        pictures = sum(len(one["base64"]) for one in told["attachments"])
        print(f"  {told['title']} [{told['type']}, {pictures * 3 // 4} bytes of pictures]")
        print("".join(f"      {line}\n" for line in told["message"].splitlines()), end="")
    wrong += [f"damaged: {one}" for one in night.damaged()] + [f"left running: {one}" for one in night.left_running()]
    wrong += secrets_in(night.cwd)
    return wrong


def notes_of(record: Mapping[str, object]) -> list[str]:
    """Returns the degradations of a record, a line each."""
    found = record.get("degradations")
    return [json.dumps(one, ensure_ascii=False) for one in found] if isinstance(found, list) else []


def secrets_in(folder: Path) -> list[str]:
    """Returns the files that hold the URL of the notifications."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [f"the URL is in {path}" for path in files if b"s3cret" in path.read_bytes()]


def mounted_store(folder: Path) -> Path:
    """Puts the store on a file system of its own."""
    store = folder / "outputs/.store"
    store.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(store)], check=True)
    return store


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    options = parser.parse_args()
    base = {**os.environ, "HF_HUB_OFFLINE": "1", "VGPIPE_CONFIG": "", "NO_PROXY": "127.0.0.1", "VGPIPE_NOTIFY_URLS": ""}
    with tempfile.TemporaryDirectory(prefix="night-", dir=options.folder) as scratch, http_service() as service:
        began_s = time.monotonic()
        whole = left_alone(Path(scratch) / "alone", base, options.clips)
        print(f"left alone: {len(whole)} clips in {time.monotonic() - began_s:.0f} s", flush=True)
        cwd = Path(scratch) / "night"
        cwd.mkdir()
        write_job(cwd, options.clips)
        store = mounted_store(cwd)
        try:
            morning, began_s = Morning(troubles_of(options.clips)), time.monotonic()
            night = prepared(cwd, base, service, morning.troubles)
            disturbed(night, morning)
            morning.seconds = time.monotonic() - began_s
            wrong = report(night, morning, whole, service)
        finally:
            subprocess.run(["umount", "-l", str(store)], check=True)
            (options.folder / "night-log.txt").write_bytes((cwd / "log.txt").read_bytes())
    print("\n".join([f"wrong: {len(wrong)}", *wrong[:40]]))
    raise SystemExit(bool(wrong))


def prepared(cwd: Path, base: Mapping[str, str], service: Http, troubles: Sequence[Trouble]) -> Night:
    """Returns the night, before it begins."""
    (cwd / "clock").write_bytes(bytes(8))
    night = Night(cwd, COMMAND, base, random.Random(1))
    faults = {one.name: one.at for one in troubles if one.strike is None}
    night.environment = {
        "PYTHONPATH": str(HERE / "night_faults"),
        "NIGHT_FAULTS": json.dumps(faults),
        "NIGHT_CLOCK": str(cwd / "clock"),
        "LD_PRELOAD": str(clock_library(cwd)),
        "VGPIPE_NOTIFY_URLS": f"json://{service.place}/s3cret",
    }
    return night


if __name__ == "__main__":
    main()
