"""Measures quick, standard and high of the embedded model: speed, and normalised quality with 95 % intervals.

Quality is the share of clips all right by the rule-based detector (`training/seen.py`), normalised so that two steps
are 0 and `standard` is 1. Prompts are of combinations that the model was never trained on; what `quick` is was chosen
by others (`--tune`). `high` is best of 8 as `best_of.py` has measured it over the same prompts.

    PYTHONPATH=. python benchmarks/presets.py FOLDER [--prompts 300] [--contests FOLDER] [--tune|--times 20]

Run again, it continues. Found: docs/quality.md.

Array shapes: P prompts.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from best_of import TEST_SEED
from shapes_batch import GUIDANCE, Sampler, mean_and_interval, right, test_requests, tuning_requests

from training.evaluate import Request

TUNING_SEED, TUNING_SEEDS = 11, 2


@dataclass(frozen=True)
class Setting:
    """How clips are denoised; `guided_steps` from the first have guidance."""

    steps: int
    guided_steps: int = 1 << 30
    scheduler: dict[str, Any] = field(default_factory=dict)

    @property
    def passes(self) -> int:
        """Forward passes of the denoiser."""
        return self.steps + min(self.steps, self.guided_steps)

    def __str__(self) -> str:
        parts = [f"{self.steps} steps"]
        parts += [f"guidance in {self.guided_steps}"] if self.guided_steps < self.steps else []
        return ", ".join([*parts, *(f"{name} {value}" for name, value in self.scheduler.items())])


FLOOR, QUICK, STANDARD = Setting(2), Setting(5), Setting(20)
TRIED = Setting(4), Setting(5), Setting(6, 3), Setting(6, 4)


def frames_of(sampler: Sampler, request: Request, setting: Setting, seeds: int = 1) -> np.ndarray:
    return sampler.finals(
        request.prompt,
        [100 * request.seed + number for number in range(seeds)],
        setting.steps,
        guidance=GUIDANCE,
        guided_steps=setting.guided_steps,
        scheduler=sampler.scheduler(**setting.scheduler),
    )


def all_right(sampler: Sampler, folder: Path, index: int, request: Request, setting: Setting, seeds: int = 1) -> float:
    """Returns the share of a prompt's clips that are all right."""
    path = folder / f"{index:04d}-{str(setting).replace(' ', '_')}.npy"
    if not path.exists():
        clips = frames_of(sampler, request, setting, seeds)
        np.save(path, np.mean([all(right(frames, request.scene).values()) for frames in clips]))
    return float(np.load(path))


def tune(sampler: Sampler, folder: Path, count: int) -> None:
    wanted = tuning_requests(count, TUNING_SEED)
    found: dict[str, list[float]] = {str(one): [] for one in TRIED}
    for index, request in enumerate(wanted):
        for setting in TRIED:
            found[str(setting)].append(all_right(sampler, folder, index, request, setting, TUNING_SEEDS))
        if index % 8 == 7:
            print(index + 1, {name: round(float(np.mean(one)), 3) for name, one in found.items()}, flush=True)


def normalised(own_P: np.ndarray, baseline_P: np.ndarray, full_P: np.ndarray) -> tuple[float, float, float]:
    """Returns (own - baseline) / (full - baseline) of the shares, and its 95 % interval (bootstrap over prompts)."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(own_P), (4000, len(own_P)))
    own, baseline, full = (one[picks].mean(1) for one in (own_P, baseline_P, full_P))
    low, high = np.percentile((own - baseline) / (full - baseline), (2.5, 97.5))
    return float((own_P.mean() - baseline_P.mean()) / (full_P.mean() - baseline_P.mean())), float(low), float(high)


def times(sampler: Sampler, wanted: list[Request]) -> None:
    """Prints CPU seconds of whole clips, settings in turn, and their ratio to `standard` in each turn."""
    rows = []
    for request in wanted:
        taken = []
        for setting in (STANDARD, QUICK):
            began = time.process_time()
            frames_of(sampler, request, setting)
            taken.append(time.process_time() - began)
        rows.append(taken)
    standard, quick = np.array(rows).T
    print(
        f"standard {np.median(standard):.3f} s, quick {np.median(quick):.3f} s, ratio {np.median(standard / quick):.2f}"
    )


def compare(sampler: Sampler, folder: Path, count: int, contests: Path | None) -> None:
    found: dict[str, list[float]] = {"baseline": [], "quick": [], "standard": [], "high": []}
    for index, request in enumerate(test_requests(330, TEST_SEED)[:count]):
        for name, setting in {"baseline": FLOOR, "quick": QUICK}.items():
            found[name].append(all_right(sampler, folder, index, request, setting))
        found["standard"].append(_of_contest(contests, index, "0"))
        winner = None if contests is None else contests / f"{index:04d}-adherence.npy"
        known = winner is not None and winner.exists()
        found["high"].append(_of_contest(contests, index, str(int(np.load(winner)))) if known else np.nan)
        if np.isnan(found["standard"][-1]):
            found["standard"][-1] = all_right(sampler, folder, index, request, STANDARD)
        if index % 20 == 19:
            print(index + 1, {name: round(float(np.nanmean(one)), 3) for name, one in found.items()}, flush=True)
    shares = {name: np.array(one) for name, one in found.items()}
    print("| preset | prompts | all right | normalised |\n| --- | --- | --- | --- |")
    for name, own in shares.items():
        there = ~np.isnan(own)
        share, low, high = mean_and_interval(own[there], np.random.default_rng(0))
        kept = normalised(own[there], shares["baseline"][there], shares["standard"][there])
        numbers = "{:.1%} ({:.1%} to {:.1%})".format(*kept)
        print(f"| {name} | {there.sum()} | {share:.3f} ({low:.3f} to {high:.3f}) | {numbers} |")


def _of_contest(folder: Path | None, index: int, which: str) -> float:
    path = None if folder is None else folder / f"{index:04d}-{which}.npy"
    return float(np.load(path).all()) if path is not None and path.exists() else np.nan


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--contests", type=Path)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--times", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    sampler = Sampler()
    if options.tune:
        tune(sampler, options.folder, options.prompts)
    elif options.times:
        times(sampler, test_requests(330, TEST_SEED)[: options.times])
    else:
        compare(sampler, options.folder, options.prompts, options.contests)


if __name__ == "__main__":
    main()
