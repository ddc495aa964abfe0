"""Measures how early a preview tells what a clip will show, with the embedded model at its reference settings.

    nice python benchmarks/preview_tells.py --prompts 304 --out preview-tells.jsonl
    python benchmarks/preview_tells.py --out preview-tells.jsonl

Each prompt is of a combination that training held out. It is denoised once, 20 steps, guidance 3; at each step k the
predicted latents (`vgpipe/models/prediction.py`) are decoded as a draft's are, and the rule-based detector
(`training/seen.py`) names what the preview shows and what the finished clip shows. The table says on which share of the
clips the two agree, each with its Wilson interval (95 %, Wilson 1927). Run again, it continues with the prompts
that are left; without `--prompts` it only prints.

Found (304 prompts; 95 % intervals in brackets; attribute by attribute in docs/drafts.md), in percent: previews
that agree in all six attributes; finished clips that are all right where the preview is; and where it is not:

    step 2: 2.0 (0.9-4.2); 100.0 (61.0-100.0); 91.9 (88.3-94.5)
    step 4: 51.3 (45.7-56.9); 100.0 (97.6-100.0); 84.1 (77.4-89.1)
    step 6: 76.6 (71.6-81.1); 99.6 (97.5-99.9); 70.9 (60.1-79.7)
    step 8: 88.8 (84.8-91.9); 100.0 (98.5-100.0); 50.0 (36.4-63.6)
    step 10: 95.1 (92.0-97.0); 99.3 (97.4-99.8); 29.0 (16.1-46.6)
    step 12: 98.0 (95.8-99.1); 100.0 (98.6-100.0); 11.1 (3.9-28.1)
    step 16: 99.3 (97.6-99.8); 99.6 (98.0-99.9); 0.0 (0.0-14.3)
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanPipeline

from training.evaluate import ATTRIBUTES, Request, load, requests, settings
from training.seen import look
from vgpipe.models.prediction import predicted_x0

MODEL = Path(__file__).parents[1] / "vgpipe/weights/shapes"
STEPS, GUIDANCE, SEED = 20, 3.0, 1803
SHOWN = (2, 4, 6, 8, 10, 12, 16)
Z_95 = 1.959964
Row = dict[str, Any]


def predictions(pipe: WanPipeline, wanted: Request) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Denoises one clip; returns what was predicted at each step, and the latents."""
    scheduler, kept = pipe.scheduler, []
    original = scheduler.step
    names = list(inspect.signature(original).parameters)

    def step(*args: Any, **kwargs: Any) -> Any:
        kept.append(predicted_x0(scheduler, dict(zip(names, args, strict=False)) | kwargs))
        return original(*args, **kwargs)

    scheduler.step = step
    try:
        latents = pipe(**{**settings([wanted], STEPS, GUIDANCE), "output_type": "latent"}).frames
    finally:
        del scheduler.step
    return kept, latents


def decoded(pipe: WanPipeline, latents: torch.Tensor) -> np.ndarray:
    """Returns frames (T, H, W, 3) uint8, as the pipeline's last lines make them."""
    config = pipe.vae.config
    mean, std = (torch.tensor(one).view(1, -1, 1, 1, 1) for one in (config.latents_mean, config.latents_std))
    with torch.no_grad():
        video = pipe.vae.decode(latents * std + mean, return_dict=False)[0]
    frames_THWC = pipe.video_processor.postprocess_video(video, output_type="np")[0]
    return (frames_THWC * 255).round().astype(np.uint8)


def seen(frames_THWC: np.ndarray) -> dict[str, str | None]:
    shown = look(frames_THWC)
    return {name: getattr(shown, name) for name in ATTRIBUTES}


def measured(pipe: WanPipeline, number: int, wanted: Request) -> Row:
    kept, latents = predictions(pipe, wanted)
    previews = {str(step): seen(decoded(pipe, kept[step - 1])) for step in SHOWN}
    asked = {name: getattr(wanted.scene, name) for name in ATTRIBUTES}
    final = seen(decoded(pipe, latents))
    return {"prompt": number, "text": wanted.prompt, "asked": asked, "final": final, "previews": previews}


def rows(out: Path) -> list[Row]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def measure(out: Path, count: int) -> None:
    torch.set_num_threads(1)
    done, pipe = {row["prompt"] for row in rows(out)}, load(MODEL)
    for number, wanted in enumerate(requests(count, SEED)):
        if number not in done:
            line = json.dumps(measured(pipe, number, wanted))
            with out.open("a") as file:
                file.write(line + "\n")


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (E. B. Wilson, Journal of the American Statistical Association 22, 1927)."""
    if not count:
        return 0.0, 1.0
    share, z = hits / count, Z_95
    middle, spread = share + z * z / (2 * count), z * sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    scale = 1 + z * z / count
    return (middle - spread) / scale, (middle + spread) / scale


def cell(hits: Sequence[bool]) -> str:
    """Returns a share and its interval, in percent."""
    low, high = wilson(sum(hits), len(hits))
    share = sum(hits) / len(hits) if hits else float("nan")
    return f"{100 * share:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def table(found: Sequence[Row]) -> Iterator[str]:
    yield (
        "| step | " + " | ".join((*ATTRIBUTES, "all")) + " | final right, preview right | final right, preview wrong |"
    )
    yield "| --- " * (len(ATTRIBUTES) + 4) + "|"
    for step in SHOWN:
        previews = [row["previews"][str(step)] for row in found]
        pairs = list(zip(previews, found, strict=True))
        cells = [cell([one[name] == row["final"][name] for one, row in pairs]) for name in ATTRIBUTES]
        cells.append(cell([one == row["final"] for one, row in pairs]))
        right = [(one == row["asked"], row["final"] == row["asked"]) for one, row in pairs]
        cells += [cell([final for preview, final in right if preview is wanted]) for wanted in (True, False)]
        yield f"| {step} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.prompts:
        measure(given.out, given.prompts)
    found = rows(given.out)
    right = cell([row["final"] == row["asked"] for row in found])
    print(f"{len(found)} prompts; {right} % of the finished clips are all right; shares in %, 95 % intervals\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
