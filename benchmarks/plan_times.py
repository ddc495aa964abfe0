"""Times `plan`: without cached profiles, with them, and for a job of 10,000 clips; says how much RAM it took.

    python -m benchmarks.plan_times            # a table in Markdown

Needs no GPU and no weights. A cold plan starts with an empty cache folder each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = ("wan21_t2v_1_3b", "cogvideox_5b", "hunyuan_video")
CARD = "hardware=rtx4090_24gb"
CLIPS = 10_000
FRAMES = (49, 41, 33, 25, 17)
WARM_RUNS = 5
KIB, MIB = 1 << 10, 1 << 20


def main() -> None:
    """Measures and writes the table to stdout."""
    _say("| plan | seconds | of them CPU | RSS MiB |", "| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            _model(model, Path(folder))
        _jobs(Path(folder))


def _model(model: str, folder: Path) -> None:
    words = [f"model={model}", CARD]
    _say(_line(f"{model}, nothing in the cache", timed(words, folder / model)))
    runs = sorted(timed(words, folder / model) for _ in range(WARM_RUNS))
    _say(_line(f"{model}, again (median of {WARM_RUNS})", runs[WARM_RUNS // 2]))


def _jobs(folder: Path) -> None:
    for name, frames in (("of one kind", FRAMES[:1]), (f"of {len(FRAMES)} lengths", FRAMES)):
        job = folder / f"job{len(frames)}.yaml"
        clips = "".join(
            f"  - {{prompt: clip {number}, num_frames: {frames[number % len(frames)]}}}\n" for number in range(CLIPS)
        )
        job.write_text(f"prompts:\n{clips}")
        words = ["model=cogvideox_5b", CARD, f"job={job}"]
        for state in ("cold", "warm"):
            _say(_line(f"cogvideox_5b, a job of {CLIPS} clips {name}, {state}", timed(words, folder / job.stem)))


def _line(what: str, took: tuple[float, float, int]) -> str:
    seconds, cpu_seconds, rss = took
    return f"| {what} | {seconds:.1f} | {cpu_seconds:.1f} | {rss / MIB:.0f} |"


def timed(words: list[str], cache: Path) -> tuple[float, float, int]:
    """Returns the seconds, those of all CPUs together, and the most RAM, in bytes, that a plan took.

    Args:
        words: what is typed after `plan`.
        cache: folder of profiles.

    Raises:
        SystemExit: where it failed.
    """
    began = time.perf_counter()
    environment = os.environ | {"VGPIPE_CACHE": str(cache)}
    command = [sys.executable, "-m", "vgpipe", "plan", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * KIB


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
