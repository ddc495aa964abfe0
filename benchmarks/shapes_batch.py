"""The embedded model in batches, outside of vgpipe: what the studies of judges and presets sample with.

It gives the bits of the stock `WanPipeline` called with the same batch, but several clips of one prompt can be
denoised to a step, looked at, and some of them denoised on.

Array shapes: B clips, C channels, T frames, H height, W width, L tokens, D embedding.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.evaluate import ATTRIBUTES, Request, load, requests, says_all
from training.prompts import canonical_prompt, prompt_for
from training.seen import look
from training.text import MAX_TOKENS
from training.world import Scene, combinations, scene_of

CHECKPOINT = Path(__file__).parents[1] / "vgpipe" / "weights" / "shapes"
LATENT_SHAPE = (16, 5, 8, 8)
TOKENS = 5 * 4 * 4
GUIDANCE = 3.0


class Sampler:
    """The embedded model.

    Args:
        threads: CPU threads of torch.
    """

    def __init__(self, threads: int = 1):
        torch.set_num_threads(threads)
        self.pipeline = load(CHECKPOINT)
        self._embeds: dict[str, torch.Tensor] = {}

    def embeds(self, prompt: str) -> torch.Tensor:
        """Returns the embeddings of a text, (1, L, D); remembers them."""
        if prompt not in self._embeds:
            with torch.no_grad():
                found, _ = self.pipeline.encode_prompt(
                    prompt, do_classifier_free_guidance=False, max_sequence_length=MAX_TOKENS
                )
            self._embeds[prompt] = found
        return self._embeds[prompt]

    @cached_property
    def no_prompt(self) -> torch.Tensor:
        """The embeddings of the empty prompt, (1, L, D)."""
        return self.embeds("")

    def velocity(self, x_BCTHW: torch.Tensor, timestep: float, embeds_1LD: torch.Tensor) -> torch.Tensor:
        """Returns the model's output at one timestep, of several clips with one text."""
        count = len(x_BCTHW)
        with torch.no_grad():
            return self.pipeline.transformer(
                hidden_states=x_BCTHW,
                timestep=torch.full((count, TOKENS), float(timestep)),
                encoder_hidden_states=embeds_1LD.expand(count, -1, -1),
                return_dict=False,
            )[0]

    def scheduler(self, name: str | None = None, **config: Any) -> Any:
        """Returns a fresh scheduler: the checkpoint's, or another class of diffusers with its settings."""
        import diffusers

        own = self.pipeline.scheduler
        cls = type(own) if name is None else getattr(diffusers, name)
        return cls.from_config(dict(own.config) | config)

    def start(self, prompt: str, seeds: Sequence[int], steps: int, scheduler: Any = None) -> Trajectories:
        """Returns clips of one prompt before their first step.

        Args:
            prompt: what they show.
            seeds: of their noise.
            steps: of the schedule.
            scheduler: a fresh one; None: the checkpoint's.
        """
        scheduler = scheduler or self.scheduler()
        scheduler.set_timesteps(steps)
        noise = [torch.randn((1, *LATENT_SHAPE), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return Trajectories(self, prompt, torch.cat(noise), scheduler)

    def finals(self, prompt: str, seeds: Sequence[int], steps: int, **how: Any) -> np.ndarray:
        """Returns the frames of clips of one prompt, uint8, (B, T, H, W, 3); `how` as `Trajectories.advance`."""
        clips = self.start(prompt, seeds, steps, how.pop("scheduler", None))
        clips.advance(steps, **how)
        return self.decode(clips.x_BCTHW)

    def decode(self, latents_BCTHW: torch.Tensor) -> np.ndarray:
        """Returns frames, uint8, (B, T, H, W, 3)."""
        vae = self.pipeline.vae
        mean, std = (torch.tensor(v).view(1, -1, 1, 1, 1) for v in (vae.config.latents_mean, vae.config.latents_std))
        with torch.no_grad():
            frames_BCTHW = vae.decode(latents_BCTHW.to(vae.dtype) * std + mean, return_dict=False)[0].float()
        pixels = ((frames_BCTHW / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 4, 1).numpy()


@dataclass
class Trajectories:
    """Clips of one prompt in the middle of denoising.

    Attributes:
        sampler: the model.
        prompt: what they show.
        x_BCTHW: latents after `done` steps.
        scheduler: with the state of all of them.
        done: steps so far.
        x0_BCTHW: the model's prediction of the finished latents in the last step; None before the first.
    """

    sampler: Sampler
    prompt: str
    x_BCTHW: torch.Tensor  # noqa: N815 (a shape)
    scheduler: Any
    done: int = 0
    x0_BCTHW: torch.Tensor | None = None  # noqa: N815 (a shape)

    def advance(self, until: int, *, guidance: float = GUIDANCE, guided_steps: int = 1 << 30) -> None:
        """Denoises on.

        Args:
            until: steps done afterwards.
            guidance: 1 or less makes no prediction without the prompt.
            guided_steps: how many steps, from the first, have guidance.
        """
        sampler, embeds = self.sampler, self.sampler.embeds(self.prompt)
        for index in range(self.done, until):
            timestep, sigma = self.scheduler.timesteps[index], float(self.scheduler.sigmas[index])
            velocity = sampler.velocity(self.x_BCTHW, timestep, embeds)
            if guidance > 1 and index < guided_steps:
                unguided = sampler.velocity(self.x_BCTHW, timestep, sampler.no_prompt)
                velocity = unguided + guidance * (velocity - unguided)
            self.x0_BCTHW = self.x_BCTHW - sigma * velocity
            self.x_BCTHW = self.scheduler.step(velocity, timestep, self.x_BCTHW, return_dict=False)[0]
        self.done = until

    def subset(self, which: Sequence[int]) -> Trajectories:
        """Returns some of the clips, which are denoised on apart from the others."""
        scheduler = copy.copy(self.scheduler)
        vars(scheduler).update({name: _subset(value, which) for name, value in vars(scheduler).items()})
        x0 = None if self.x0_BCTHW is None else self.x0_BCTHW[list(which)]
        return Trajectories(self.sampler, self.prompt, self.x_BCTHW[list(which)], scheduler, self.done, x0)


def _subset(value: Any, which: Sequence[int]) -> Any:
    if isinstance(value, torch.Tensor) and value.ndim == len(LATENT_SHAPE) + 1:
        return value[list(which)]
    return [_subset(one, which) for one in value] if isinstance(value, list) else value


def right(frames_THWC: np.ndarray, scene: Scene) -> dict[str, bool]:
    """Returns, of each attribute, whether the rule-based detector finds what the prompt says."""
    seen = look(frames_THWC)
    return {name: getattr(seen, name) == getattr(scene, name) for name in ATTRIBUTES}


TUNED_BY = ((48, 7), (48, 11))
"""Count and seed of all prompts that judges and presets were tuned by (`tuning_requests`)."""


def tuning_requests(count: int, seed: int, without: Collection[tuple[str, ...]] = ()) -> list[Request]:
    """Returns prompts of combinations that the model was trained on: none of the held-out ones is tuned by.

    Args:
        count: how many.
        seed: chooses combinations, sizes, speeds and phrasings.
        without: combinations that are left out.
    """
    rng = random.Random(seed)
    order = [one for one in combinations(held_out=False) if one not in without]
    rng.shuffle(order)
    made = []
    for index, combination in zip(range(count), itertools.cycle(order)):
        scene = scene_of(combination, rng)
        phrase = canonical_prompt if index % 2 == 0 else prompt_for
        prompt = phrase(scene, rng)
        while not says_all(prompt, scene):
            prompt = phrase(scene, rng)
        made.append(Request(prompt, scene, 1000 * seed + index))
    return made


def untuned_requests(count: int, seed: int) -> list[Request]:
    """Returns prompts of combinations that the model was trained on and that nothing was tuned by."""
    tuned = {request.scene.combination for one in TUNED_BY for request in tuning_requests(*one)}
    return tuning_requests(count, seed, tuned)


def test_requests(count: int, seed: int) -> list[Request]:
    """Returns distinct prompts of held-out combinations, none of which is in the model card's own test."""
    known = {request.prompt for request in requests(110, 0)}
    found: dict[str, Request] = {}
    for request in requests(20 * count, seed):
        if request.prompt not in known and len(found) < count:
            found.setdefault(request.prompt, request)
    return list(found.values())


def mean_and_interval(
    per_prompt: np.ndarray, rng: np.random.Generator, draws: int = 4000
) -> tuple[float, float, float]:
    """Returns a mean over prompts and its 95 % interval (bootstrap over prompts).

    Args:
        per_prompt: one number for each prompt; the same prompts in the same order make differences paired.
        rng: draws.
        draws: how often.
    """
    picks = rng.integers(0, len(per_prompt), (draws, len(per_prompt)))
    low, high = np.percentile(per_prompt[picks].mean(1), (2.5, 97.5))
    return float(per_prompt.mean()), float(low), float(high)


def cached(folder: Path, wanted: Sequence[Request], make: Any) -> Iterator[Mapping[str, np.ndarray]]:
    """Yields what `make` gives for each request, from `folder` where a former call has left it there."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, request in enumerate(wanted):
        path = folder / f"{index:04d}.npz"
        if not path.exists():
            unfinished = path.with_suffix(".part.npz")
            np.savez(unfinished, **make(request))
            unfinished.replace(path)
        with np.load(path) as values:
            yield dict(values)
