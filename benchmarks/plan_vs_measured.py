"""Forecasts of plans against what runs took on this CPU: live tensors, RAM and seconds of each stage.

Every run is started from the command line, in its own process; plan and measurement are read from its plan.json. The
models are random: the tiny one of every option, and one of middle size of each family (`benchmarks/middle_sizes.py`).

usage: python -m benchmarks.plan_vs_measured [--models FOLDER] [--sizes tiny middle] [--options OPTION ...]
       [--memory staged ...] [--runs 1] [--cpu-seconds] [--json FILE] [KEY=VALUE ...]

`--models` keeps the models that it makes; `--runs` repeats each run, so that the last is planned with what the ones
before taught. Each model starts without any own run. `--cpu-seconds`: one thread, and all clocks of a run count the CPU
seconds of its process, for a machine that others use at the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.middle_sizes import MIDDLE, build
from tests import tiny
from tests.configs import model_of
from vgpipe.planner.estimate.calibration import NAME as CALIBRATION

STEPS = 4  # as many as a plan looks at
UNLIMITED_GB = 64  # counts live tensors, and holds nothing back
PROMPT = "a small red circle moving left"
SIZES = {"ltx_video_2b": (64, 32, 9), "ltx_video_distilled": (64, 32, 9), "wan21_vace_1_3b": (48, 32, 9)}
CPU_SECONDS = (
    "import runpy, sys, time; time.monotonic = time.process_time; sys.argv[:] = ['vgpipe', *sys.argv[1:]]; "
    "runpy.run_module('vgpipe', run_name='__main__')"
)
ANY_SIZE = (
    "model.rules.min_side=16", "model.rules.max_side=4096", "model.rules.side_multiple=8",
    "model.rules.frames_step=1", "model.rules.frames_offset=0", "model.rules.max_num_frames=1024",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One stage of one run.

    Attributes:
        size: tiny or middle.
        option: of conf/model.
        memory: the strategy.
        dtype: precision of the run; "auto" is the model's first that the machine computes soundly.
        run: which of several alike.
        stage: encode, denoise or decode.
        live_mib: most live tensors, foreseen and measured.
        ram_mib: most RAM of the process, foreseen and measured.
        seconds: least and most foreseen, and measured.
    """

    size: str
    option: str
    memory: str
    dtype: str
    run: int
    stage: str
    live_mib: tuple[float, float]
    ram_mib: tuple[float, float]
    seconds: tuple[float, float, float]


def models(size: str, options: list[str], folder: Path) -> Iterator[tuple[str, Path]]:
    """Builds the models of one size, those that are not in the folder yet."""
    for option in options or (tiny.BUILDERS if size == "tiny" else MIDDLE):
        if option == "generic" or (size == "middle" and option not in MIDDLE):
            continue  # the same model as mochi_1_preview
        place = folder / size / option
        if not place.exists():
            draft = place.with_name(f"{option}.draft")
            draft.mkdir(parents=True)
            (tiny.build if size == "tiny" else build)(option, draft)
            draft.rename(place)
        yield option, place


def clip_of(size: str, option: str) -> tuple[int, int, int]:
    """Returns width, height and frames."""
    if size == "middle":
        return MIDDLE[option].clip
    return SIZES.get(option, (48, 32, 9 if option.startswith("cogvideox") else 5))


def settings_of(size: str, option: str, place: Path) -> list[str]:
    """Returns the command-line settings of a model and its clip."""
    width, height, frames = clip_of(size, option)
    settings = [
        f"model={option}", f"model.id={place}", *ANY_SIZE, f"clip.width={width}", f"clip.height={height}",
        f"clip.num_frames={frames}", f"clip.num_inference_steps={STEPS}",
    ]  # fmt: skip
    if size == "middle":
        settings.append("clip.guidance_scale=1.0")
    if option == "animatediff_sd15":
        settings.append(f"model.components.motion_adapter={{id:{place}/adapter}}")
    if option == "mochi_1_preview" and size == "tiny":
        settings.append("+model.pipeline_kwargs.max_sequence_length=16")
    return settings


def run(cwd: Path, option: str, settings: list[str], cache: Path, *, program: list[str]) -> Path:
    """Runs a job of one clip in a folder of its own and returns its plan.json; raises where it fails."""
    cwd.mkdir(parents=True)
    rules, images = model_of(option).rules, ""
    for name in ("image", "last_image"):
        if getattr(rules, name) == "required":
            from PIL import Image

            Image.fromarray(np.full((32, 48, 3), 128, np.uint8)).save(cwd / "grey.png")
            images += f", {name}: grey.png"
    (cwd / "job.yaml").write_text(f"prompts:\n  - {{prompt: {PROMPT}, seed: 0{images}}}\n")
    line = [
        sys.executable, *program, "job=job.yaml", "hardware=cpu", "hydra.run.dir=run",
        f"++hardware.memory_limit_gb={UNLIMITED_GB}", "run.degrade=strict", "executor.canary=false", "checks=off",
        *settings,
    ]  # fmt: skip
    environment = {**os.environ, "VGPIPE_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode:
        raise RuntimeError(f"{option}: exit code {ran.returncode}\n{ran.stderr[-2000:]}")
    return cwd / "run/plan.json"


def rows_of(plan: Path, **known: object) -> list[Row]:
    """Returns the stages of a run."""
    rows = []
    for stage in json.loads(plan.read_text())["measured"]:
        foreseen, measured = stage["predicted"], stage["measured"]
        live, ram = (tuple(one[key] * 1024 for one in (foreseen, measured)) for key in ("allocated_gib", "ram_gib"))
        seconds = (*(foreseen["seconds"] or (0.0, 0.0)), measured["seconds"])
        rows.append(Row(**known, stage=stage["stage"], live_mib=live, ram_mib=ram, seconds=seconds))
    return rows


def table(rows: list[Row]) -> str:
    """Returns a markdown table."""
    lines = [
        "| size | model | memory | stage | live MiB | of measured | RAM MiB | of measured | seconds | foreseen |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high, took = row.seconds
        lines.append(
            f"| {row.size} | {row.option} | {row.memory} {row.dtype} | {row.stage} | {row.live_mib[1]:.2f} | "
            f"{row.live_mib[0] / row.live_mib[1]:.4f} | {row.ram_mib[1]:.0f} | {row.ram_mib[0] / row.ram_mib[1]:.3f} | "
            f"{took:.2f} | {low:.2f}-{high:.2f} |"
        )
    return "\n".join(lines)


def summary(rows: list[Row]) -> str:
    """Returns, for each size, how near the plans were."""
    lines = []
    for size in dict.fromkeys(row.size for row in rows):
        mine = [row for row in rows if row.size == size]
        equal = sum(round((row.live_mib[0] - row.live_mib[1]) * (1 << 20)) == 0 for row in mine)
        for name, ratios in (
            ("live", [row.live_mib[0] / row.live_mib[1] for row in mine]),
            ("RAM", [row.ram_mib[0] / row.ram_mib[1] for row in mine]),
        ):
            near = sum(abs(ratio - 1) <= 0.05 for ratio in ratios)
            worst = max(ratios, key=lambda ratio: abs(ratio - 1))
            same = f", {equal} equal to the byte" if name == "live" else ""
            lines.append(
                f"{size}, {name}: median {statistics.median(ratios):.4f}, worst {worst:.3f}, within 5 %: {near} of "
                f"{len(mine)}{same}"
            )
        for index in sorted({row.run for row in mine}):
            spans = [row.seconds for row in mine if row.run == index]
            held = sum(least <= took <= most for least, most, took in spans)
            width = statistics.median(most / least for least, most, _ in spans)
            lines.append(
                f"{size}, run {index + 1}: seconds within the range: {held} of {len(spans)}, most/least {width:.2f}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--sizes", nargs="+", default=["tiny", "middle"], choices=["tiny", "middle"])
    parser.add_argument("--options", nargs="+", default=[])
    parser.add_argument("--memory", nargs="+", default=["staged"])
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--cpu-seconds", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("settings", nargs="*")
    options = parser.parse_args()
    rows: list[Row] = []
    program = ["-c", CPU_SECONDS] if options.cpu_seconds else ["-m", "vgpipe"]
    if options.cpu_seconds:
        os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        options.settings.append("hardware.threads=1")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for size in options.sizes:
            for option, place in models(size, options.options, (options.models or root / "models").absolute()):
                for memory in options.memory:
                    settings = [*settings_of(size, option, place), f"memory={memory}", f"model.dtype={options.dtype}"]
                    (root / "cache" / CALIBRATION).unlink(missing_ok=True)
                    for index in range(options.runs):
                        plan = run(root / f"{size}-{option}-{memory}-{index}", option, [*settings, *options.settings],
                                   root / "cache", program=program)  # fmt: skip
                        known = {"size": size, "option": option, "memory": memory, "dtype": options.dtype, "run": index}
                        rows += rows_of(plan, **known)
                        print(table(rows[-3:]).splitlines()[-3:], file=sys.stderr, flush=True)
    print(table(rows) + "\n\n" + summary(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
