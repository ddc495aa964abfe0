"""One run of `worker_faults.py`: its processes, how far it is, and what it left."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import watched
from PIL import Image

HERE = Path(__file__).parent
TEMPORARY = (".tmp*", ".with-recipe-*", ".probe*", "bad-*")
RESUME = ("resume", "run")
GONE_AFTER_S = 20.0
RUN_ENDS_AFTER_S = 240.0
"""An ordinary run takes 15 to 40 s on a busy machine."""


@dataclass
class Scene:
    """One run that is disturbed.

    Attributes:
        cwd: its working directory; the store is `outputs/.store` in it unless `settings` say something else.
        arguments: of the command line.
        base: the environment.
        rng: decides when, and what.
        watch: its processes.
        driver: the process that was started last.
        notes: what is said of the run beside the fault.
        steps_file: where steps are counted; None for one in `cwd`.
    """

    cwd: Path
    arguments: tuple[str, ...]
    base: Mapping[str, str]
    rng: random.Random
    watch: watched.Watch = field(default_factory=watched.Watch)
    driver: subprocess.Popen | None = None
    notes: list[str] = field(default_factory=list)
    steps_file: Path | None = None
    ends_after_s: ClassVar[float] = RUN_ENDS_AFTER_S

    def additions(self) -> Mapping[str, str]:
        """Returns what its processes have in their environment beside `base`."""
        return {
            "COUNTED_STEPS": str(self.steps_file or self.cwd / "steps"),
            "PYTHONPATH": os.pathsep.join([str(HERE / "counted_steps"), self.base.get("PYTHONPATH", "")]).rstrip(":"),
        }

    def start(self, *arguments: str) -> None:
        """Starts a command line of vgpipe."""
        environment = self.watch.environment(self.base) | self.additions()
        with (self.cwd / "log.txt").open("a") as log:
            command = [sys.executable, "-m", "vgpipe", *(arguments or self.arguments)]
            self.driver = subprocess.Popen(command, cwd=self.cwd, env=environment, stdout=log, stderr=log)

    def is_running(self) -> bool:
        """Says whether the driver is there."""
        return self.driver is not None and self.driver.poll() is None

    def end(self) -> int | None:
        """Waits for the driver; returns its exit code, None where it had to be killed."""
        if self.driver is None:
            return None
        try:
            return self.driver.wait(self.ends_after_s)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
            return None

    def events(self) -> list[dict]:
        """Returns the events so far."""
        path = self.cwd / "run/events.jsonl"
        return list(readable(path.read_text("utf-8", errors="replace"))) if path.exists() else []

    def workers(self) -> list[int]:
        """Returns the processes of workers that are ready and alive."""
        pids = [one["pid"] for one in self.events() if one.get("event") == "worker_ready"]
        return [pid for pid in dict.fromkeys(pids) if is_alive(pid)]

    def helpers(self) -> list[watched.Process]:
        """Returns the processes of the run but for the driver."""
        return [one for one in self.watch.alive() if self.driver is None or one.pid != self.driver.pid]

    def lost(self) -> int:
        """Returns how many workers the driver has seen die or retire."""
        return sum(one.get("event") in ("worker_died", "worker_retired") for one in self.events())

    def steps(self) -> Counter[tuple[str, str]]:
        """Returns (latents, step) -> how often it was done."""
        path = self.steps_file or self.cwd / "steps"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter((row[1], row[2]) for row in map(str.split, lines) if len(row) == 3)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 120.0) -> bool:
        """Waits; returns whether it came true while the driver was there."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.is_running():
            if condition():
                return True
            time.sleep(0.03)
        return False

    def wait_for_a_moment(self, all_steps: int) -> str:
        """Waits for a random moment between the start and the end of the run; returns which."""
        if self.rng.random() < 0.2:
            seconds = self.rng.uniform(0.2, 8.0)
            self.wait_for(lambda: False, seconds)
            return f"{seconds:.1f} s after the start"
        wanted = self.rng.randrange(all_steps)
        self.wait_for(lambda: self.steps().total() > wanted)
        time.sleep(self.rng.uniform(0, 0.3))
        return f"after {self.steps().total()} of {all_steps} steps"

    def records(self) -> dict[str, dict]:
        """Returns clip -> its record."""
        path = self.cwd / "run/clips.jsonl"
        text = path.read_text("utf-8", errors="replace") if path.exists() else ""
        return {one["clip"]: one for one in readable(text)}

    def frames(self) -> dict[str, str]:
        """Returns clip -> digest of its finished frames; of a clip that is not done, its state."""
        return {name: self._frames(record) for name, record in self.records().items()}

    def _frames(self, record: dict) -> str:
        folder = self.cwd / "run" / record.get("files", {}).get("frames", "-")
        if record["state"] != "done" or not folder.is_dir():
            return f"{record['state']}: {record.get('error', '')}"
        files = sorted(folder.iterdir())
        return hashlib.sha256(b"".join(np.asarray(Image.open(file)).tobytes() for file in files)).hexdigest()

    def left_running(self) -> list[str]:
        """Returns the processes of the run that are still there some seconds after its end."""
        until = time.monotonic() + GONE_AFTER_S
        while (left := self.watch.alive()) and time.monotonic() < until:
            time.sleep(0.2)
        self.watch.kill()
        return [f"{one.name} ({one.pid})" for one in left]

    def temporary(self) -> list[str]:
        """Returns temporary and damaged files of the store and the run."""
        found = [
            path for part in ("outputs", "run", "stores") for one in TEMPORARY for path in (self.cwd / part).rglob(one)
        ]
        return [str(path.relative_to(self.cwd)) for path in found]

    def damaged(self) -> list[str]:
        """Returns the files in stores that are not what their artifact's record says."""
        records = [path for part in ("outputs", "stores") for path in (self.cwd / part).rglob("artifact.json")]
        return [name for record in records for name in damaged_files(record)]

    def remove(self) -> None:
        """Removes all files."""
        shutil.rmtree(self.cwd, ignore_errors=True)


def readable(text: str) -> Iterator[dict]:
    """Yields the JSON objects of lines, without a last one that is not written yet."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def damaged_files(record: Path) -> list[str]:
    """Returns the files of an artifact that are missing or changed."""
    try:
        files = json.loads(record.read_text())["files"]
    except (OSError, ValueError, KeyError) as error:
        return [f"{record}: {error!r}"]
    wrong = []
    for name, facts in files.items():
        path = record.parent / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != facts["sha256"]:
            wrong.append(str(path))
    return wrong


def is_alive(pid: int) -> bool:
    """Says whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
