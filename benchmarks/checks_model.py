"""Clips of the embedded model for benchmarks/checks.py: good ones, and those of broken components."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from checks_clip import Made
from diffusers import WanPipeline

MODEL = Path(__file__).parents[1] / "vgpipe/weights/shapes"
SIZES = ((64, 64), (64, 64), (96, 64), (64, 96), (96, 96), (128, 128), (128, 64), (48, 80), (32, 32))
FRAMES = (17, 17, 17, 9, 13, 5, 1)
STEPS = (20, 20, 8, 2, 2, 2, 3, 4)  # two are the canary's by default
COLOURS = ("red", "green", "blue", "yellow", "purple", "cyan")
GROUNDS = ("black", "white", "gray", "blue", "green")
SHAPES = ("circle", "square", "triangle")
MOTIONS = ("moving left", "moving right", "moving up slowly", "moving down quickly", "growing", "shrinking", "still")
CANARY_STEPS = 4
"""Clips of at most as many steps count as canaries."""


def pipeline() -> WanPipeline:
    """Loads the model."""
    pipe = WanPipeline.from_pretrained(MODEL)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def prompt_of(draw: random.Random) -> str:
    """Returns a prompt of the model's own world."""
    size = draw.choice(("small ", "large ", ""))
    ground = f" on a {draw.choice(GROUNDS)} background" if draw.random() < 0.8 else ""
    return f"a {size}{draw.choice(COLOURS)} {draw.choice(SHAPES)} {draw.choice(MOTIONS)}{ground}"


def render(pipe: WanPipeline, seed: int, steps: int | None = None, frames: int | None = None) -> tuple[Any, ...]:
    """Renders one clip of a drawn prompt, size, length and number of steps.

    Returns:
        The frames, (T, H, W, 3) float of 0 to 1; the prompt; the number of steps.
    """
    draw = random.Random(seed)
    prompt, (width, height) = prompt_of(draw), draw.choice(SIZES)
    steps, frames = steps or draw.choice(STEPS), frames or draw.choice(FRAMES)
    found = pipe(
        prompt, height=height, width=width, num_frames=frames, num_inference_steps=steps, guidance_scale=3.0,
        max_sequence_length=64, generator=torch.Generator().manual_seed(seed), output_type="np",
    )  # fmt: skip
    return found.frames[0], prompt, steps


def made(pipe: WanPipeline, kind: str, seed: int, **how: Any) -> Made:
    """Renders a clip, rounded as diffusers does."""
    frames_THWC, prompt, steps = render(pipe, seed, **how)
    with np.errstate(invalid="ignore"):
        rounded = (frames_THWC * 255).round().astype("uint8")
    return Made(f"{kind}-{seed}", kind, rounded, prompt, is_canary=steps <= CANARY_STEPS)


def good(count: int, first_seed: int) -> Iterator[Made]:
    """Yields clips of the model as it is."""
    pipe = pipeline()
    for seed in range(first_seed, first_seed + count):
        yield made(pipe, "embedded", seed)


def zeroed(part: torch.nn.Module) -> None:
    """Sets all weights to zero."""
    for weight in part.parameters():
        weight.data.zero_()


def randomised(part: torch.nn.Module) -> None:
    """Draws all weights from a normal distribution as wide as theirs is."""
    noise = torch.Generator().manual_seed(7)
    for weight in part.parameters():
        spread = weight.std().item() if weight.numel() > 1 else 0.02
        weight.data.copy_(torch.randn(weight.shape, generator=noise) * (spread or 0.02))


def multiplied(factor: float) -> Callable[[WanPipeline], None]:
    """Returns what has the VAE give values that many times too large."""

    def change(pipe: WanPipeline) -> None:
        decode = pipe.vae.decode

        def louder(latents: torch.Tensor, return_dict: bool = True) -> Any:
            return (decode(latents, return_dict=False)[0].mul(factor).clamp(-1, 1),)

        pipe.vae.decode = louder

    return change


def no_denoising(pipe: WanPipeline) -> None:
    """Leaves the noise as it was drawn, as a scheduler with a wrong config does."""
    pipe.scheduler.step = lambda *given, **named: (given[2],)


BROKEN: dict[str, tuple[str, Callable[[WanPipeline], None]]] = {
    "zeroed VAE": ("uniform", lambda pipe: zeroed(pipe.vae)),
    "zeroed last layer": ("uniform", lambda pipe: zeroed(pipe.vae.decoder.conv_out)),
    "random VAE": ("noise", lambda pipe: randomised(pipe.vae)),
    "zeroed transformer": ("blobs", lambda pipe: zeroed(pipe.transformer)),
    "random transformer": ("blobs", lambda pipe: randomised(pipe.transformer)),
    "no denoising": ("blobs", no_denoising),
    "VAE output x50": ("clipped", multiplied(50)),
}


def broken(each: int, first_seed: int) -> Iterator[Made]:
    """Yields clips of models with one broken part; the kind is that of the fault that they show."""
    for name, (kind, change) in BROKEN.items():
        pipe = pipeline()
        change(pipe)
        for number in range(each):
            how = {"frames": 1 if number % 6 == 5 else None, "steps": (2, 20, 4)[number % 3]}
            clip = made(pipe, name, first_seed + number, **how)
            yield Made(clip.name, name, clip.frames_THWC, clip.prompt, is_canary=clip.is_canary, expects=(kind,))
