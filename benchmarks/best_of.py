"""Measures best of n: share of clips all right by the detector, of the clip that each judge chooses and of one seed.

Of each prompt 8 seeds are denoised to step 4 of 20 and judged, the better half to step 8 and judged, and the best to
the end (successive halving). Prompts are of combinations that the model was never trained on, or of those that it was;
judges were chosen by neither (`shapes_batch.TUNED_BY`). What an earlier call has made is taken from the folder.

    PYTHONPATH=. python benchmarks/best_of.py FOLDER [--material trained] [--prompts 310] [--judges adherence ...]

It takes some 3 s of one core for each prompt and judge. Found: docs/judges.md.

Array shapes: P prompts, B clips.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from shapes_batch import Sampler, Trajectories, mean_and_interval, right, test_requests, untuned_requests

from training.evaluate import Request
from vgpipe.quality.checking import FrameChecks
from vgpipe.quality.judges import adherence

STEPS, SEEDS, ROUNDS = 20, 8, ((4, 4), (8, 1))
"""Steps of a final; clips of a prompt; after how many steps how many of them are kept."""
NOISE_SEED = 1000
TEST_SEED = 18
FPS = 8
MATERIAL = {"held-out": test_requests, "trained": untuned_requests}
"""Prompts of combinations that the model was never trained on, and of others; no judge was chosen by either."""
LIMITS_OF_SHARPNESS = ("noise", "blobs")


def gaps(clips: Trajectories) -> np.ndarray:
    """Returns what the model says of previews at each noise level: squared errors with and without, and between."""
    x0 = clips.x0_BCTHW
    found = []
    for index in levels(clips):
        sigma, timestep = float(clips.scheduler.sigmas[index]), clips.scheduler.timesteps[index]
        noise = torch.randn(x0[:1].shape, generator=torch.Generator().manual_seed(NOISE_SEED))
        x = (1 - sigma) * x0 + sigma * noise
        texts = clips.sampler.embeds(clips.prompt), clips.sampler.no_prompt
        with_prompt, without = (x - sigma * clips.sampler.velocity(x, timestep, text) for text in texts)
        pairs = ((with_prompt, x0), (without, x0), (with_prompt, without))
        found.append([(one - other).square().flatten(1).mean(1).numpy() for one, other in pairs])
    return np.array(found)


def levels(clips: Trajectories) -> list[int]:
    """Returns the steps of the schedule whose noise is nearest to the levels that are judged at."""
    sigmas = np.array(clips.scheduler.sigmas[:STEPS])
    return [int(np.abs(sigmas - level).argmin()) for level in adherence.NOISE_LEVELS]


def by_adherence(clips: Trajectories) -> np.ndarray:
    return -np.log(gaps(clips)[:, 2]).mean(0)


def by_classifier(clips: Trajectories) -> np.ndarray:
    with_prompt, without, _ = np.moveaxis(gaps(clips), 1, 0)
    return ((without - with_prompt) / without).mean(0)


def by_checks(clips: Trajectories) -> np.ndarray:
    """Returns by the numbers of the checks of noise."""
    return np.array([_sharpness(frames) for frames in clips.sampler.decode(clips.x0_BCTHW)])


def _sharpness(frames_THWC: np.ndarray) -> float:
    checks = FrameChecks(FPS)
    for frame in frames_THWC:
        checks.add(frame)
    numbers = checks.numbers()
    return min(numbers[name] for name in LIMITS_OF_SHARPNESS)


JUDGES: Mapping[str, Callable[[Trajectories], np.ndarray]] = {
    "adherence": by_adherence,
    "classifier": by_classifier,
    "checks": by_checks,
}


class Contest:
    """Contests of one model, whose clips are denoised once for all judges.

    Args:
        folder: keeps what was made.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._sampler = Sampler()
        folder.mkdir(parents=True, exist_ok=True)

    def drafts(self, index: int, request: Request) -> Trajectories:
        """Returns all seeds of a prompt after the first round's steps."""
        path = self._folder / f"{index:04d}.pt"
        clips = self._sampler.start(request.prompt, [100 * request.seed + number for number in range(SEEDS)], STEPS)
        if path.exists():
            kept = torch.load(path, weights_only=False)
            vars(clips.scheduler).update(kept["state"])
            clips.x_BCTHW, clips.x0_BCTHW, clips.done = kept["x"], kept["x0"], ROUNDS[0][0]
            return clips
        clips.advance(ROUNDS[0][0])
        state = {name: value for name, value in vars(clips.scheduler).items() if name != "_internal_dict"}
        torch.save({"x": clips.x_BCTHW, "x0": clips.x0_BCTHW, "state": state}, path)
        return clips

    def chosen(self, drafts: Trajectories, judge: str) -> int:
        """Returns which of the clips a judge keeps to the end."""
        which, clips = list(range(SEEDS)), drafts
        for steps, keep in ROUNDS:
            clips.advance(steps)
            best = np.argsort(-JUDGES[judge](clips), kind="stable")[:keep]
            which, clips = [which[one] for one in best], clips.subset(best)
        return which[0]

    def all_right(self, index: int, request: Request, drafts: Trajectories, which: int) -> bool:
        """Returns whether the detector finds in a finished clip all that its prompt says."""
        path = self._folder / f"{index:04d}-{which}.npy"
        if not path.exists():
            clip = drafts.subset([which])
            clip.advance(STEPS)
            found = right(self._sampler.decode(clip.x_BCTHW)[0], request.scene)
            np.save(path, np.array(list(found.values())))
        return bool(np.load(path).all())

    def by(self, judge: str, index: int, request: Request) -> bool:
        """Returns whether the clip that a judge chooses is all right; `seed0` chooses none but the first."""
        path = self._folder / f"{index:04d}-{judge}.npy"
        drafts = None
        if not path.exists():
            drafts = self.drafts(index, request)
            which = int(judge.removeprefix("seed")) if judge.startswith("seed") else self.chosen(drafts, judge)
            np.save(path, which)
        which = int(np.load(path))
        if (self._folder / f"{index:04d}-{which}.npy").exists():
            return bool(np.load(self._folder / f"{index:04d}-{which}.npy").all())
        return self.all_right(index, request, drafts or self.drafts(index, request), which)

    def with_steps(self, steps: int, index: int, request: Request) -> bool:
        """Returns whether one seed with another number of steps is all right."""
        path = self._folder / f"{index:04d}-steps{steps}.npy"
        if not path.exists():
            frames = self._sampler.finals(request.prompt, [100 * request.seed], steps)[0]
            np.save(path, np.array(list(right(frames, request.scene).values())))
        return bool(np.load(path).all())


def told(name: str, found_P: Sequence[bool], base_P: Sequence[bool]) -> str:
    """Returns a row of the table: the share, and its difference to one seed over the same prompts, with intervals."""
    rng = np.random.default_rng(0)
    own, base = np.array(found_P, float), np.array(base_P, float)
    share, low, high = mean_and_interval(own, rng)
    more, least, most = mean_and_interval(own - base[: len(own)], rng)
    return (
        f"| {name} | {len(own)} | {share:.3f} ({low:.3f} to {high:.3f}) | {more:+.3f} ({least:+.3f} to {most:+.3f}) |"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompts", type=int, default=310)
    parser.add_argument("--material", choices=MATERIAL, default="held-out")
    parser.add_argument("--judges", nargs="*", default=["adherence"])
    parser.add_argument("--more-steps", type=int, nargs="*", default=[])
    options = parser.parse_args()
    contest, wanted = Contest(options.folder), MATERIAL[options.material](330, TEST_SEED)[: options.prompts]
    base: list[bool] = []
    found: dict[str, list[bool]] = {name: [] for name in options.judges}
    found |= {f"{steps} steps": [] for steps in options.more_steps}
    for index, request in enumerate(wanted):
        base.append(contest.by("seed0", index, request))
        for name in options.judges:
            found[name].append(contest.by(name, index, request))
        for steps in options.more_steps:
            found[f"{steps} steps"].append(contest.with_steps(steps, index, request))
        if index % 10 == 9:
            print(
                f"{index + 1}: one seed {np.mean(base):.3f}",
                {k: f"{np.mean(v):.3f}" for k, v in found.items()},
                flush=True,
            )
    print("| chosen by | prompts | all right | more than one seed |\n| --- | --- | --- | --- |")
    print(told("one seed", base, base))
    for name, one in found.items():
        print(told(name, one, base))


if __name__ == "__main__":
    main()
