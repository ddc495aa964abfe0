"""Kills a job with SIGKILL at random moments, resuming each time, and compares with a job left alone.

usage: python benchmarks/kill_job.py [--kills 300] [--commands 60] [--seed 0] [--exporter mp4]

The job: two clips of the embedded model, a checkpoint after every second step. Some kills hit `python -m vgpipe`
itself, the others a fork of a process that has imported everything, which is a run without its start. Half of them
come at any moment, half while ffmpeg encodes. What is killed: the process alone, the process with its ffmpeg, or its
ffmpeg alone. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.failpoints.rendered import broken_promises, leftovers, result_of, warm_up
from tests.failpoints.warm import WarmParent, children, end_children

ROOT = Path(__file__).parents[1]
PROMPTS = "prompts: [{prompt: a small red circle moving left, seed: 1}, {prompt: a large blue square, seed: 2}]"
COMMAND = (
    "job=job.yaml", "clip.width=64", "clip.height=64", "clip.num_frames=9", "quality.num_inference_steps=6",
    "executor.checkpoint_steps=2", "executor.checkpoint_interval_s=0", "hardware.threads=1", "hydra.run.dir=run",
)  # fmt: skip
RESUME = ("resume", "run")
ENCODING_S = 0.06
ORPHANS_S = 0.3
LOOKS_EVERY_S = 0.001


class Victim(StrEnum):
    """What is killed."""

    PROCESS = "process alone"
    GROUP = "process and ffmpeg"
    FFMPEG = "ffmpeg alone"


@dataclass
class Figures:
    """What came of the kills.

    Attributes:
        kills: victim and how it was started -> kills.
        stages: stage at work -> kills.
        lost_s: seconds of work since the last file that stays, of each killed process.
        resumes: of each job that was finished after kills: how many times it was started again.
        twice: finished pieces of work that were made again.
        pieces: finished pieces of work.
        orphans: processes that outlived a killed one.
        wrong: what was wrong with jobs that were finished.
    """

    kills: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    lost_s: list[float] = field(default_factory=list)
    resumes: list[int] = field(default_factory=list)
    twice: Counter[str] = field(default_factory=Counter)
    pieces: int = 0
    orphans: int = 0
    wrong: list[str] = field(default_factory=list)


def ffmpegs(pid: int) -> list[int]:
    """Returns the encoders that a process has started."""
    return [child for child in children(pid) if _name(child).startswith("ffmpeg")]


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text()
    return ""


def events(root: Path) -> list[dict[str, str]]:
    """Returns the events of the run so far, without a torn line."""
    found = []
    with suppress(OSError):
        for line in (root / "run/events.jsonl").read_text("utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
    return found


def stage_at_work(root: Path, is_encoding: bool, before: int) -> str:
    """Returns what a run was doing, from its events.

    Args:
        root: its folder.
        is_encoding: whether ffmpeg was running.
        before: how many events there were when it was started.
    """
    if is_encoding:
        return "export (ffmpeg)"
    new = events(root)[before:]
    if not new:
        return "start"
    last = new[-1]
    if last["event"] == "run_ended":
        return "end"
    done = last.get("stage") or {"text_encoder": "", "transformer": "encode", "vae": "denoise"}.get(
        last.get("part", ""), ""
    )
    return {"encode": "denoise", "denoise": "decode", "decode": "export", "export": "records", "": "loading, encode"}[
        done
    ]


def last_kept(root: Path) -> float:
    """Returns when the last file was written that stays: an artifact, a checkpoint, a record; 0 for none."""
    files = [path for path in (root / "outputs").rglob("*") if path.is_file() and ".tmp" not in str(path)]
    times = [path.stat().st_mtime for path in (*files, root / "run/clips.jsonl") if path.exists()]
    return max(times, default=0.0)


class Killer:
    """Kills one job again and again until it has been killed often enough.

    Args:
        parent: starts forks of it.
        dice: decides everything.
        whole_s: seconds that the job takes.
    """

    def __init__(self, parent: WarmParent, dice: random.Random, whole_s: float, exporter: str):
        self._parent, self._dice, self._whole_s, self._root = parent, dice, whole_s, parent.root
        self._command = (*COMMAND, f"exporter={exporter}")
        self.figures = Figures()
        self._began_s = 0.0

    def attempt(self, *, is_command: bool, victim: Victim, while_encoding: bool) -> bool:
        """Starts or resumes the job and kills it; returns whether it was still at work."""
        arguments = RESUME if (self._root / "run/clips.jsonl").exists() else self._command
        events_before = len(events(self._root))
        self._began_s = time.time()
        pid = self._started(arguments, is_command)
        has_ended = self._waited(pid, while_encoding, is_command)
        encoders = ffmpegs(pid)
        if has_ended or (victim is Victim.FFMPEG and not encoders):
            ended = self._parent.wait(pid)
            if ended.code not in (0, 2) or ended.has_traceback:
                self.figures.wrong.append(f"ended with {ended.code}: {ended.err[-500:]}")
            return False
        at_s = time.time()
        for one in (
            *(encoders if victim is not Victim.PROCESS else ()),
            *((pid,) if victim is not Victim.FFMPEG else ()),
        ):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.figures.kills[f"{victim}, {'command' if is_command else 'fork'}"] += 1
        self.figures.stages[stage_at_work(self._root, bool(encoders), events_before)] += 1
        if victim is Victim.FFMPEG:
            ended = self._parent.wait(pid)
            if ended.code != 0 or ended.has_traceback:
                self.figures.wrong.append(f"a killed ffmpeg ended the run with {ended.code}: {ended.err[-500:]}")
            return True
        os.waitpid(pid, 0)
        time.sleep(ORPHANS_S)
        self.figures.orphans += end_children()
        self.figures.lost_s.append(max(0.0, at_s - max(last_kept(self._root), self._began_s)))
        return True

    def _started(self, arguments: tuple[str, ...], is_command: bool) -> int:
        if not is_command:
            from vgpipe.cli import main

            return self._parent.start(partial(main, list(arguments)))
        return self._parent.start(lambda: os.execv(sys.executable, [sys.executable, "-m", "vgpipe", *arguments]))

    def _waited(self, pid: int, while_encoding: bool, is_command: bool) -> bool:
        """Waits for the moment of the kill; returns whether the process ended before."""
        if is_command:  # the imports take longer than all the rest: from the first line of the log on, as a rule
            log = self._root / "run/run.log"
            size = log.stat().st_size if log.exists() else 0
            is_early = self._dice.random() < 0.2
            if is_early:
                return self._slept(pid, self._dice.uniform(0, 3 * self._whole_s))
            if self._slept(pid, 60, lambda: log.exists() and log.stat().st_size > size):
                return True
            self._began_s = time.time()
        if while_encoding:
            wanted = self._dice.randrange(3)  # which encoder from now on
            seen: set[int] = set()

            def is_encoding() -> bool:
                seen.update(ffmpegs(pid))
                return len(seen) > wanted

            return self._slept(pid, 60, is_encoding) or self._slept(pid, self._dice.uniform(0, ENCODING_S))
        return self._slept(pid, self._dice.uniform(0, self._whole_s))

    def _slept(self, pid: int, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Sleeps; returns whether the process ended meanwhile."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not until():
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return True
            time.sleep(LOOKS_EVERY_S)
        return False

    def finish(self, whole: dict[str, str], starts: int) -> None:
        """Finishes the job and compares it; clears the folder for the next one."""
        for problem in broken_promises(self._root, whole):
            self.figures.wrong.append(problem)
        for arguments in (RESUME, self._command):
            from vgpipe.cli import main

            ended = self._parent.run(partial(main, list(arguments)))
            if ended.code != 2:
                break
        if ended.code != 0 or ended.has_traceback:
            self.figures.wrong.append(f"finished with {ended.code}: {ended.err[-500:]}")
        else:
            found = result_of(self._root)
            self.figures.wrong += [f"differs: {n}" for n in {*found, *whole} if found.get(n) != whole.get(n)]
            self.figures.wrong += [f"left: {name}" for name in leftovers(self._root)]
        # Of a clip, two texts are encoded.
        ended_pieces = [one for one in events(self._root) if one["event"] == "stage_done" and one["stage"] != "encode"]
        done = Counter((one["clip"], one["stage"]) for one in ended_pieces)
        self.figures.pieces += len(done)
        self.figures.twice.update({stage: times - 1 for (_, stage), times in done.items() if times > 1})
        self.figures.resumes.append(starts)
        for name in ("run", "outputs"):
            shutil.rmtree(self._root / name, ignore_errors=True)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--commands", type=int, default=60, help="how many of them hit python -m vgpipe itself")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--exporter", default="mp4")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no further attempt after this time")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "VGPIPE_CONFIG": "", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="kill-job-") as scratch:
        root = Path(scratch) / "work"
        (root / "tmp").mkdir(parents=True)
        (root / "job.yaml").write_text(PROMPTS)
        warm_up(root, (*COMMAND, f"exporter={options.exporter}"))
        whole = result_of(root)
        for name in ("run", "outputs"):
            shutil.rmtree(root / name)
        parent, dice = WarmParent(root, Path(scratch)), random.Random(options.seed)
        killer = Killer(parent, dice, 0.0, options.exporter)
        started = time.monotonic()
        killer.finish(whole, 0)
        killer._whole_s = time.monotonic() - started
        killer.figures = Figures()
        attack(killer, dice, options, whole)
        show(killer.figures, killer._whole_s, time.monotonic() - started)


def attack(killer: Killer, dice: random.Random, options: argparse.Namespace, whole: dict[str, str]) -> None:
    """Kills until the number is reached."""
    until_s, starts = time.monotonic() + 60 * options.minutes, 0
    is_command = [True] * options.commands + [False] * (options.kills - options.commands)
    dice.shuffle(is_command)
    while is_command and time.monotonic() < until_s:
        victim = dice.choices(list(Victim), weights=(5, 3, 2))[0]
        while_encoding = victim is Victim.FFMPEG or dice.random() < 0.35
        starts += 1
        if killer.attempt(is_command=is_command[-1], victim=victim, while_encoding=while_encoding):
            is_command.pop()
            if victim is not Victim.FFMPEG:
                print(f"\r{len(is_command)} kills left, {len(killer.figures.wrong)} wrong ", end="", file=sys.stderr)
                continue
        killer.finish(whole, starts)
        starts = 0
    killer.finish(whole, starts)


def show(figures: Figures, whole_s: float, took_s: float) -> None:
    """Prints the figures."""
    kills = sum(figures.kills.values())
    print(f"\n{kills} kills of a {whole_s:.1f} s job in {took_s:.0f} s: {len(figures.resumes)} jobs finished")
    print(f"what was killed: {dict(figures.kills)}")
    print(f"in: {dict(figures.stages.most_common())}")
    resumes = sorted(figures.resumes)
    print(
        f"starts a job: median {statistics.median(resumes):.0f}, most {resumes[-1]}; processes left: {figures.orphans}"
    )
    lost = sorted(figures.lost_s)
    print(f"work lost in a kill: median {statistics.median(lost):.2f} s, most {lost[-1]:.2f} s")
    print(f"pieces of work made again though they were finished: {dict(figures.twice)} of {figures.pieces}")
    print(f"wrong: {len(figures.wrong)}")
    for line in figures.wrong[:30]:
        print(f"  {line}")
    if figures.wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
