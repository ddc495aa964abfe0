"""Measures the frontier of the embedded model: what each number of steps and guidance keeps of the full run.

    nice python benchmarks/frontier.py --prompts 120 --out frontier.jsonl
    python benchmarks/frontier.py --out frontier.jsonl --yaml conf/frontiers/shapes.yaml

Each held-out prompt is rendered with every setting, in turn forwards and backwards, one thread, and judged by the
rule-based detector (`training/seen.py`), which no part of vgpipe uses, and by PSNR and SSIM to the full run. Seconds
are CPU seconds of the process. Run again, it continues. With `--yaml` it writes what `quality=85%` goes
by where nothing was measured on a machine.

Found (120 prompts that training held out, 2 cores of a server CPU): see conf/frontiers/shapes.yaml and docs/quality.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from diffusers import WanPipeline

from training.evaluate import ATTRIBUTES, Request, requests, settings
from training.seen import look
from vgpipe.quality.frontier import Interval, kept, speed_up
from vgpipe.quality.likeness import likeness

MODEL = Path(__file__).parents[1] / "vgpipe/weights/shapes"
STEPS = (2, 3, 4, 6, 8, 10, 12, 16, 20)
FULL, BASELINE = (20, 3.0), (2, 3.0)
SETTINGS = (*((steps, 3.0) for steps in STEPS), (20, 1.0))
"""Steps and guidance scale; guidance 1 is one pass of the denoiser a step rather than two."""
SEED = 18


def rendered(pipe: WanPipeline, wanted: Request, steps: int, guidance: float) -> tuple[np.ndarray, float]:
    """Renders a clip; returns its frames, uint8, and the CPU seconds."""
    started = time.process_time()
    frames_THWC = pipe(**settings([wanted], steps, guidance)).frames[0]
    return (frames_THWC * 255).round().astype(np.uint8), time.process_time() - started


def measured(pipe: WanPipeline, number: int, wanted: Request) -> Iterator[dict[str, Any]]:
    order = SETTINGS if number % 2 else tuple(reversed(SETTINGS))
    made = {one: rendered(pipe, wanted, *one) for one in order}
    full_THWC = made[FULL][0]
    for (steps, guidance), (frames_THWC, seconds) in made.items():
        seen = look(frames_THWC)
        right = {name: getattr(seen, name) == getattr(wanted.scene, name) for name in ATTRIBUTES}
        like = likeness(frames_THWC, full_THWC)
        yield {
            "prompt": number, "text": wanted.prompt, "seed": wanted.seed, "steps": steps, "guidance": guidance,
            "seconds": seconds, "all_right": all(right.values()), "right": right,
            "psnr_db": like.psnr_db if like else None, "ssim": like.ssim if like else None,
            "worst_ssim": like.worst_ssim if like else None,
        }  # fmt: skip


def measure(out: Path, count: int) -> None:
    torch.set_num_threads(1)
    done = {row["prompt"] for row in rows(out)}
    pipe = WanPipeline.from_pretrained(MODEL, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    rendered(pipe, requests(1, SEED + 1)[0], 4, 3.0)  # the first call is slower
    for number, wanted in enumerate(requests(count, SEED)):
        if number not in done:
            lines = [json.dumps(row) for row in measured(pipe, number, wanted)]
            with out.open("a") as file:
                file.write("\n".join(lines) + "\n")
            print(number, flush=True)


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def of(found: Sequence[dict[str, Any]], steps: int, guidance: float, key: str) -> list[float]:
    picked = [row for row in found if (row["steps"], row["guidance"]) == (steps, guidance)]
    return [float(row[key]) for row in sorted(picked, key=lambda row: row["prompt"])]


def of_clips(setting: tuple[int, float], right: Sequence[Sequence[float]]) -> Interval | None:
    """Returns the share of clips all right that is kept; where hardly any clip differs, an interval that is not zero.

    Of 0 differences among n clips the true share may be 3 / n (Hanley and Lippman-Hand 1983).
    """
    share = kept(*right)
    if share is None or setting in (FULL, BASELINE):
        return share
    least = 3 / len(right[0]) / (float(np.mean(right[2])) - float(np.mean(right[1])))
    return Interval(share.mean, min(share.low, share.mean - least), max(share.high, share.mean + least))


def summary(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    told = []
    for steps, guidance in SETTINGS:
        right = [of(found, *one, "all_right") for one in ((steps, guidance), BASELINE, FULL)]
        like = [of(found, *one, "ssim") for one in ((steps, guidance), BASELINE, FULL)]
        seconds = of(found, steps, guidance, "seconds")
        told.append(
            {
                "steps": steps, "guidance": guidance, "prompts": len(seconds), "seconds": float(np.mean(seconds)),
                "speed_up": speed_up(seconds, of(found, *FULL, "seconds")), "all_right": float(np.mean(right[0])),
                "psnr_db": float(np.mean(of(found, steps, guidance, "psnr_db"))), "ssim": float(np.mean(like[0])),
                "kept": of_clips((steps, guidance), right), "kept_ssim": kept(*like),
            }
        )  # fmt: skip
    return told


def show(found: Sequence[dict[str, Any]]) -> None:
    for one in summary(found):
        speed, share, like = one["speed_up"], one["kept"], one["kept_ssim"]
        print(
            f"{one['steps']:3} steps, guidance {one['guidance']:g}: {one['seconds']:.2f} s, {speed.mean:.2f}x, "
            f"all right {one['all_right']:.3f}, keeps {share.mean:.1%} ({share.low:.1%} to {share.high:.1%}), "
            f"SSIM {one['ssim']:.3f} keeps {like.mean:.1%} ({like.low:.1%}), PSNR {one['psnr_db']:.1f} dB, "
            f"n={one['prompts']}"
        )


def write_yaml(found: Sequence[dict[str, Any]], target: Path) -> None:
    """Writes what `quality=85%` goes by where nothing was measured on a machine."""
    settings = [
        {
            "name": f"steps={one['steps']}" + ("" if one["guidance"] == FULL[1] else f" guidance={one['guidance']:g}"),
            "quality": {"num_inference_steps": one["steps"]}
            | ({} if one["guidance"] == FULL[1] else {"guidance_scale": one["guidance"]}),
            "seconds": round(one["seconds"], 3),
            "speed_up": round(one["speed_up"].mean, 3),
            "kept": {name: round(getattr(one["kept"], name), 4) for name in ("mean", "low", "high")},
        }
        for one in summary(found)
    ]
    about = {
        "id": "embedded:shapes", "version": 1, "model": "shapes", "width": 64, "height": 64, "num_frames": 17,
        "full": "steps=20", "baseline": "steps=2", "measure": "clips that show all of their prompt",
        "prompts": min(len(of(found, *one, "ssim")) for one in SETTINGS), "made": date.today().isoformat(),
        "device": "one core of a server CPU",
    }  # fmt: skip
    head = (
        "# Measured by benchmarks/frontier.py on prompts that training held out; seconds are CPU seconds of one core.\n"
    )
    text = yaml.safe_dump(about | {"settings": settings}, sort_keys=False, width=110)
    target.write_text(head + text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--yaml", type=Path)
    given = parser.parse_args()
    if given.prompts:
        measure(given.out, given.prompts)
    show(rows(given.out))
    if given.yaml:
        write_yaml(rows(given.out), given.yaml)


if __name__ == "__main__":
    main()
