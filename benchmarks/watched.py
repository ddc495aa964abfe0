"""Runs a command and watches what it and everything it starts use: RAM, CPU time, and what is left when it has ended.

Linux only. RAM is the sum of the proportional set sizes (PSS), so that what processes share counts once. A process
belongs to the command where it has a mark in its environment, or its parent belongs to it: also daemons, forked servers
and what Ray starts. The sampling itself uses a few milliseconds per process and sample.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

MARK = "VGPIPE_BENCHMARK_MARK"
PERIOD_S = 0.5
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that is there; `started` tells it from a later one with the same number."""

    pid: int
    parent: int
    started: int
    cpu_s: float
    name: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What all processes used at one moment.

    Attributes:
        time: UNIX seconds.
        cpu_s: CPU time of all of them up to now, ended ones included as far as a sample saw them.
        ram_gb: sum of their PSS, GiB.
    """

    time: float
    cpu_s: float
    ram_gb: float


def processes() -> dict[int, Process]:
    """Returns pid -> process of all that this user can see."""
    found = {}
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "stat").read_text("utf-8", errors="replace")
        except OSError:
            continue  # it has ended
        name, _, rest = text.partition("(")[2].rpartition(")")
        values = rest.split()
        if values[0] == "Z":
            continue
        cpu_s = (int(values[11]) + int(values[12])) / TICKS_A_SECOND
        pid = int(folder.name)
        found[pid] = Process(pid, int(values[1]), int(values[19]), cpu_s, name)
    return found


def ram_gb(pid: int) -> float:
    """Returns the proportional set size of a process, GiB; 0 where it has ended."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / (1 << 20) for line in lines if line.startswith("Pss:")), 0.0)


@dataclass
class Watch:
    """Knows which processes belong to a command, and samples them.

    Attributes:
        mark: what their environment holds.
        samples: taken so far.
    """

    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    samples: list[Sample] = field(default_factory=list)
    _known: dict[tuple[int, int], bool] = field(default_factory=dict)
    _cpu_s: dict[tuple[int, int], float] = field(default_factory=dict)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Returns an environment that marks a command."""
        return {**base, MARK: self.mark}

    def alive(self) -> list[Process]:
        """Returns the processes of the command that are there now."""
        everything = processes()
        ours: dict[int, Process] = {}
        for process in sorted(everything.values(), key=lambda one: one.started):
            identity = process.pid, process.started
            # A parent that has ended is not asked; what it started was seen while it was there, or has the mark.
            if process.parent in ours or self._known.get(identity):
                self._known[identity] = True
            elif identity not in self._known:
                self._known[identity] = self._is_marked(process.pid)
            if self._known[identity]:
                ours[process.pid] = process
        return list(ours.values())

    def sample(self) -> None:
        """Takes a sample."""
        alive = self.alive()
        for one in alive:
            self._cpu_s[one.pid, one.started] = one.cpu_s
        self.samples.append(Sample(time.time(), sum(self._cpu_s.values()), sum(ram_gb(one.pid) for one in alive)))

    def kill(self) -> None:
        """Kills what is left."""
        for one in self.alive():
            try:
                os.kill(one.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _is_marked(self, pid: int) -> bool:
        try:
            return self.mark.encode() in (PROC / str(pid) / "environ").read_bytes()
        except OSError:
            return False

    @property
    def peak_gb(self) -> float:
        """The largest sum of PSS, GiB."""
        return max((one.ram_gb for one in self.samples), default=0.0)

    def busy(self, start: float, end: float) -> float:
        """Returns how many cores were busy on average between two moments, UNIX seconds."""
        return (self._cpu_at(end) - self._cpu_at(start)) / (end - start) if end > start else 0.0

    def _cpu_at(self, moment: float) -> float:
        """Returns the CPU time used up to a moment, as if it were used evenly between two samples."""
        after = bisect_left(self.samples, moment, key=lambda one: one.time)
        if after == 0 or after == len(self.samples):
            return self.samples[min(after, len(self.samples) - 1)].cpu_s if self.samples else 0.0
        one, two = self.samples[after - 1], self.samples[after]
        return one.cpu_s + (two.cpu_s - one.cpu_s) * (moment - one.time) / (two.time - one.time)

    def course(self, parts: int = 10) -> list[float]:
        """Returns how many cores were busy in each part of the time, from the first sample to the last."""
        if not self.samples:
            return []
        first, last = self.samples[0].time, self.samples[-1].time
        edges = [first + (last - first) * part / parts for part in range(parts + 1)]
        return [self.busy(start, end) for start, end in pairwise(edges)]


def run(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> tuple[float, Watch]:
    """Runs a command to its end; returns its wall seconds and what was seen of it.

    Raises:
        SystemExit: where it fails; with the end of what it wrote.
    """
    watch = Watch()
    log = cwd / "log.txt"
    ended = threading.Event()

    def watching() -> None:
        while not ended.wait(PERIOD_S):
            watch.sample()

    with log.open("w") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=cwd, env=watch.environment(environment), stdout=output, stderr=subprocess.STDOUT
        )
        watch.sample()
        thread = threading.Thread(target=watching)
        thread.start()
        code = process.wait()
        seconds = time.monotonic() - started
        ended.set()
        thread.join()
    if code != 0:
        raise SystemExit(log.read_text()[-3000:])
    return seconds, watch
