"""What step caches spare and cost with the embedded model: time, and the share of clips that show what they should.

    python -m benchmarks.caches_embedded calibrate 16       # the ratios that MagCache needs, for conf/model/shapes.yaml
    python -m benchmarks.caches_embedded measure 100 OUT    # one line for each prompt is appended to OUT
    python -m benchmarks.caches_embedded table OUT

`measure` denoises each held-out prompt (`training/evaluate.py`) with every setting in turn, at the model's reference
settings, on one thread, and counts the CPU seconds of the process, so that other work on the machine cancels out. A
clip is all right where `training/seen.py` finds every attribute of its prompt in the frames. Intervals are 95 %, by
bootstrap over prompts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.models.driven import Case, Driven, drive
from training.evaluate import Request, accuracy, requests
from vgpipe.config.load import load
from vgpipe.models.base import Settings
from vgpipe.models.caches import hooks
from vgpipe.models.caches.choice import StepCache, chosen
from vgpipe.models.caches.memory import CacheMemory

WEIGHTS = Path(__file__).parents[1] / "vgpipe" / "weights" / "shapes"
CALIBRATION_SEED, SEED, RESAMPLED = 60, 61, 4000
NAMES = {
    "none": [None],
    "seacache": [0.25, 0.5],
    "magcache": [0.06],
    "firstblock": [0.1],
    "taylorseer": [3, 5],
}


def settings() -> dict[str, StepCache | None]:
    """Returns label -> what is measured."""
    ratios = load(["model=shapes"]).model.mag_ratios
    found: dict[str, StepCache | None] = {}
    for name, numbers in NAMES.items():
        for number in numbers:
            threshold, interval = (None, number) if name == "taylorseer" else (number, None)
            cache = chosen(name, threshold=threshold, interval=interval, mag_ratios=ratios)
            found[f"{name} {number:g}" if number else name] = cache
    return found


def embedded() -> Driven:
    """Loads the embedded model."""
    torch.set_num_threads(1)
    return drive("wan", WEIGHTS, Settings(max_sequence_length=64))


def case_of(request: Request) -> Case:
    """Returns a prompt at the model's reference settings."""
    return Case(request.prompt, "", request.seed, 3.0, width=64, height=64, num_frames=17, num_inference_steps=20)


def calibrate(count: int) -> None:
    """Prints, for each step, how the size of what the blocks add relates to that of the step before.

    The mean over prompts, with and without guidance's negative prompt alike, of what `MagCacheConfig(calibrate=True)`
    gives for one call (arXiv:2506.09045, equation 3).
    """
    driven = embedded()
    transformer = driven.of(("transformer",))["transformer"]
    found: list[list[float]] = []
    for request in requests(count, CALIBRATION_SEED):
        calls: list[torch.Tensor] = []
        given: list[torch.Tensor] = []
        before = transformer.blocks[0].register_forward_pre_hook(lambda _m, args, into=given: into.append(args[0]))
        after = transformer.blocks[-1].register_forward_hook(
            lambda _m, _args, output, into=calls, begun=given: into.append(output - begun.pop())
        )
        driven.latents(case_of(request))
        before.remove()
        after.remove()
        found += [_ratios(calls[0::2]), _ratios(calls[1::2])]
    print([round(float(one), 4) for one in np.mean(found, axis=0)], "spread", np.std(found, axis=0).round(4).max())


def _ratios(residuals: list[torch.Tensor]) -> list[float]:
    sizes = [torch.linalg.norm(one, dim=-1) for one in residuals]
    pairs = zip(sizes[1:], sizes, strict=False)
    return [1.0, *(float((now / (before + 1e-8)).mean()) for now, before in pairs)]


def measure(count: int, out: Path) -> None:
    """Appends what each setting gave for each prompt that `out` does not have yet."""
    driven, caches = embedded(), settings()
    known = {json.loads(line)["seed"] for line in out.read_text().splitlines()} if out.exists() else set()
    for request in requests(count, SEED):
        if request.seed in known:
            continue
        made = {label: _made(driven, request, cache) for label, cache in caches.items()}
        plain = made["none"].pop("frames")
        for one in made.values():
            one["psnr"] = None if (frames := one.pop("frames", None)) is None else _psnr(frames, plain)
        with out.open("a") as file:
            file.write(json.dumps({"seed": request.seed, "made": made}) + "\n")


def _made(driven: Driven, request: Request, cache: StepCache | None) -> dict[str, Any]:
    family = driven.family.with_settings(replace(driven.family.settings, cache=cache))
    one = Driven(family, driven.components)
    seen: list[CacheMemory] = []
    with _watched(seen):
        started = time.process_time()
        _, decode = one.latents(case_of(request))
        seconds = time.process_time() - started
    frames = one.frames(decode)
    right = accuracy([frames], [request.scene])["all"]
    skipped = seen[0].skipped_share if seen else 0.0
    return {"seconds": seconds, "right": bool(right), "skipped": skipped, "frames": frames}


class _watched:  # noqa: N801 (a context)
    """Collects what the caches remember."""

    def __init__(self, into: list[CacheMemory]):
        self._into, self._original = into, hooks.caching

    def __enter__(self) -> None:
        def caching(cache: Any, denoisers: Any, scheduler: Any, memory: CacheMemory, **more: Any) -> Any:
            self._into.append(memory)
            return self._original(cache, denoisers, scheduler, memory, **more)

        hooks.caching = caching

    def __exit__(self, *_error: object) -> None:
        hooks.caching = self._original


def _psnr(frames: np.ndarray, plain: np.ndarray) -> float:
    error = np.square(frames.astype(np.float64) - plain.astype(np.float64)).mean()
    return float(min(10 * np.log10(255**2 / max(error, 1e-9)), 99.0))


def table(out: Path) -> None:
    """Prints speed-up, share of skipped calls, share all right, its difference from no cache, PSNR against no cache."""
    measured = [json.loads(line)["made"] for line in out.read_text().splitlines()]
    print("| setting | prompts | calls skipped | faster | all right | against none | PSNR dB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for label in dict.fromkeys(name for row in measured for name in row):
        rows = [row for row in measured if label in row]
        seconds, plain = (np.array([row[one]["seconds"] for row in rows]) for one in (label, "none"))
        right, usual = (np.array([row[one]["right"] for row in rows], float) for one in (label, "none"))
        skipped = np.mean([row[label]["skipped"] or 0 for row in rows])
        faster = _interval(lambda at, a=plain, b=seconds: a[at].sum() / b[at].sum(), len(rows))
        share = _interval(lambda at, a=right: a[at].mean() * 100, len(rows))
        less = _interval(lambda at, a=right, b=usual: (a[at].mean() - b[at].mean()) * 100, len(rows))
        psnr = [row[label]["psnr"] for row in rows if row[label]["psnr"] is not None]
        shown = f"{np.mean(psnr):.1f}" if psnr else ""
        figures = _text(faster, ".2f"), f"{_text(share, '.0f')} %", _text(less, "+.0f"), shown
        print(f"| {label} | {len(rows)} | {skipped:.0%} | {' | '.join(figures)} |")


def _interval(number: Callable[[np.ndarray], float], count: int) -> tuple[float, float, float]:
    rng = np.random.default_rng(0)
    drawn = [number(rng.integers(0, count, count)) for _ in range(RESAMPLED)]
    return float(number(np.arange(count))), *(float(one) for one in np.percentile(drawn, (2.5, 97.5)))


def _text(interval: tuple[float, float, float], form: str) -> str:
    return f"{interval[0]:{form}} ({interval[1]:{form}} to {interval[2]:{form}})"


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "calibrate":
        calibrate(int(words[0]))
    elif command == "measure":
        measure(int(words[0]), Path(words[1]))
    else:
        table(Path(words[0]))
