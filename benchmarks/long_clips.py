"""Measures long clips of the embedded model: what happens at their seams, and whether the object stays the same.

usage: python -m benchmarks.long_clips [--methods image window] [--seconds 10] [--sheets FOLDER] [--overrides ...]

Renders eight clips from the command line and checks their lossless frames with the rule-based detector of `training/`.
At the seams: the change from frame to frame, and the jump of the velocity of the object's centre, against the 95th
percentile of the same figures inside the segments of that clip. Where segments are blended, each step of the blend is a
seam.

Shape suffixes: T frames, H height, W width, C colour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from training.seen import _coverage_seen, _path_px, look
from training.world import BACKGROUNDS, COLOURS

ROOT = Path(__file__).parents[1]
SCENES = (
    ("large", "circle", "red", "white", "left quickly"),
    ("small", "square", "cyan", "black", "up"),
    ("small", "triangle", "yellow", "blue", "right slowly"),
    ("small", "circle", "green", "gray", "down"),
    ("small", "square", "purple", "white", None),
    ("small", "triangle", "cyan", "gray", "left"),
    ("small", "circle", "yellow", "black", "right quickly"),
    ("large", "square", "red", "gray", "down slowly"),
)


@dataclass(frozen=True)
class Figures:
    """Of one clip: at its seams, and the 95th percentile inside its segments."""

    seam_change: np.ndarray
    inside_change: float
    seam_jump: np.ndarray
    inside_jump: float
    right: list[str]


def prompt_of(scene: tuple[str, ...]) -> str:
    """Returns the prompt of a scene."""
    size, shape, colour, background, motion = scene
    moves = f"moving {motion}" if motion else "standing still"
    return f"a {size} {colour} {shape} {moves} on a {background} background"


def render(cwd: Path, method: str, seconds: float, overrides: list[str]) -> list[dict]:
    """Renders the clips by the command line; returns their records."""
    prompts = [{"id": f"clip{number}", "prompt": prompt_of(one), "seed": number} for number, one in enumerate(SCENES)]
    (cwd / "job.yaml").write_text(json.dumps({"defaults": {"seconds": seconds}, "prompts": prompts}))
    settings = ["job=job.yaml", "exporter=frames", f"clip.continuation={method}", f"hydra.run.dir={method}"]
    command = [sys.executable, "-m", "vgpipe", *settings, f"store.dir=store-{method}", *overrides]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return [json.loads(line) for line in (cwd / method / "clips.jsonl").read_text().splitlines()]


def frames_of(folder: Path) -> np.ndarray:
    """Returns the frames of a clip, (T, H, W, 3) uint8."""
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def measure(frames_THWC: np.ndarray, scene: tuple[str, ...], parts: list[dict]) -> Figures:
    """Measures one clip; `parts` are the records of its segments."""
    lengths = [part["delivered"][1] - part["delivered"][0] for part in parts]
    bounds = [0, *np.cumsum(lengths).tolist()]
    blends = [part["given_num_frames"] - part["delivered"][0] for part in parts[1:]]
    places = zip(bounds[1:-1], blends, strict=True)
    seams = [index for begin, blend in places for index in range(begin - 1, begin + max(blend, 0))]
    change_T = np.abs(np.diff(frames_THWC.astype(np.float32), axis=0)).mean((1, 2, 3))
    velocity_T2 = np.diff(centres(frames_THWC, scene), axis=0)
    turn_T = np.linalg.norm(np.diff(velocity_T2, axis=0), axis=1)
    jump_T = np.maximum(np.r_[0, turn_T], np.r_[turn_T, 0])  # of a step: the larger of before and after it
    inside = np.delete(np.arange(len(change_T)), seams)
    beside = {seam + offset for seam in seams for offset in (-1, 0, 1)}  # a jump shows in its neighbours too
    calm = [index for index in range(len(jump_T)) if index not in beside]
    seen = [frames_THWC[a:b] for a, b in pairwise(bounds) if b - a >= 4]
    return Figures(
        seam_change=change_T[seams],
        inside_change=float(np.percentile(change_T[inside], 95)),
        seam_jump=jump_T[seams],
        inside_jump=float(np.percentile(jump_T[calm], 95)),
        right=[_wrong(part, scene) for part in seen],
    )


def centres(frames_THWC: np.ndarray, scene: tuple[str, ...]) -> np.ndarray:
    """Returns the centre of the object in every frame, (T, 2) pixels, continuous over the wrapped edges."""
    ground_C, colour_C = (np.array(value, np.float32) for value in (BACKGROUNDS[scene[3]], COLOURS[scene[2]]))
    cover_THW = _coverage_seen(frames_THWC.astype(np.float32), ground_C, colour_C)
    return np.stack([_path_px(cover_THW.sum(1)), _path_px(cover_THW.sum(2))], 1)


def _wrong(frames_THWC: np.ndarray, scene: tuple[str, ...]) -> str:
    """Returns what the eye sees otherwise than the prompt says; empty where all is right."""
    seen = look(frames_THWC)
    _, shape, colour, background, motion = scene
    wanted = {"shape": shape, "colour": colour, "background": background}
    wanted["motion"] = motion.split()[0] if motion else "still"
    return " ".join(f"{name}:{getattr(seen, name)}" for name, value in wanted.items() if getattr(seen, name) != value)


def sheet(frames_THWC: np.ndarray, path: Path) -> None:
    """Draws every second frame of a clip, one segment's worth a row."""
    chosen = frames_THWC[::2]
    rows = [np.concatenate(list(chosen[i : i + 10]), axis=1) for i in range(0, len(chosen) - 9, 10)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["image", "window"])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--overrides", nargs="*", default=[])
    options = parser.parse_args()
    print("| method | clip | change at seams: median, most | p95 inside | jump at seams, px | p95 inside | wrong |")
    print("| --- " * 7 + "|")
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods:
            _report(Path(folder), method, options)


def _report(cwd: Path, method: str, options: argparse.Namespace) -> None:
    below = {"change": 0, "jump": 0}
    seams = right = parts = 0
    records = render(cwd, method, options.seconds, options.overrides)
    for number, (record, scene) in enumerate(zip(records, SCENES, strict=True)):
        frames_THWC = frames_of(cwd / method / record["files"]["frames"])
        found = measure(frames_THWC, scene, record["segments"])
        below["change"] += int((found.seam_change <= found.inside_change).sum())
        below["jump"] += int((found.seam_jump <= found.inside_jump).sum())
        seams, parts = seams + len(found.seam_change), parts + len(found.right)
        right += sum(not one for one in found.right)
        wrong = "; ".join(f"{index + 1} {one}" for index, one in enumerate(found.right) if one) or "none"
        change, jump = (f"{np.median(one):.2f}, {one.max():.2f}" for one in (found.seam_change, found.seam_jump))
        print(
            f"| {method} | {prompt_of(scene)} | {change} | {found.inside_change:.2f} | {jump} "
            f"| {found.inside_jump:.2f} | {wrong} |"
        )
        if options.sheets:
            options.sheets.mkdir(parents=True, exist_ok=True)
            sheet(frames_THWC, options.sheets / f"{method}-{number}.png")
    print(
        f"| {method} | all | {below['change']} of {seams} not above | | {below['jump']} of {seams} not above | "
        f"| {right} of {parts} segments right |"
    )


if __name__ == "__main__":
    main()
