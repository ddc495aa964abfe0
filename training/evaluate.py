"""Measure how well a checkpoint follows prompts, with the stock diffusers pipeline.

    python -m training.evaluate vgpipe/weights/shapes --prompts 64 --steps 20 --guidance 3

Prints, for held-out combinations, the share of clips on which each attribute is right; then how well the VAE
alone keeps ground truth, and how well clips continue from an image.

Array shapes: T frames, H height, W width, C colour channels.
"""

import argparse
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image

from training.prompts import GROUND_WORDS, SIZE_WORDS, canonical_prompt, prompt_for
from training.seen import Seen, look
from training.text import MAX_TOKENS
from training.world import NUM_FRAMES, SIZE_PX, Scene, combinations, random_scene, render, scene_of

ATTRIBUTES = ("shape", "colour", "background", "motion", "size", "speed")
BATCH = 8


@dataclass(frozen=True)
class Request:
    """A prompt, what its clip must show, and the seed of its noise."""

    prompt: str
    scene: Scene
    seed: int


def requests(count: int, seed: int, *, canonical_only: bool = False) -> list[Request]:
    """Prompts of held-out combinations, every combination once before any comes twice.

    Args:
        count: How many.
        seed: Chooses sizes, speeds and phrasings.
        canonical_only: Use the plain phrasing throughout instead of in every other prompt.
    """
    rng = random.Random(seed)
    order = list(combinations(held_out=True))
    rng.shuffle(order)
    made = []
    for i, combination in zip(range(count), itertools.cycle(order)):
        drawn = scene_of(combination, rng)
        phrase = canonical_prompt if canonical_only or i % 2 == 0 else prompt_for
        prompt = phrase(drawn, rng)
        while not says_all(prompt, drawn):
            prompt = phrase(drawn, rng)
        made.append(Request(prompt, drawn, 1000 * seed + i))
    return made


def says_all(prompt: str, scene: Scene) -> bool:
    """Whether a prompt names the size and the background, which phrasings may leave open."""
    words = set(prompt.replace(",", " ").replace(".", " ").split())
    grounds = GROUND_WORDS.get(scene.background, (scene.background,))
    return not words.isdisjoint(grounds) and not (scene.size and words.isdisjoint(SIZE_WORDS[scene.size]))


def settings(batch: Sequence[Request], steps: int, guidance: float) -> dict:
    """Arguments of a pipeline call for some requests."""
    return {
        "prompt": [r.prompt for r in batch],
        "height": SIZE_PX,
        "width": SIZE_PX,
        "num_frames": NUM_FRAMES,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "max_sequence_length": MAX_TOKENS,
        "generator": [torch.Generator().manual_seed(r.seed) for r in batch],
        "output_type": "np",
    }


def batches(wanted: Sequence[Request]) -> Iterator[Sequence[Request]]:
    """Split requests into pipeline calls."""
    return (wanted[i : i + BATCH] for i in range(0, len(wanted), BATCH))


def as_bytes(clips: np.ndarray) -> Iterator[np.ndarray]:
    """Float clips in [0, 1] as uint8 frames (T, H, W, C)."""
    return iter((clips * 255).round().astype(np.uint8))


def from_text(pipeline: WanPipeline, wanted: Sequence[Request], steps: int, guidance: float) -> list[np.ndarray]:
    """Render requests from their prompts."""
    return [f for b in batches(wanted) for f in as_bytes(pipeline(**settings(b, steps, guidance)).frames)]


def from_image(
    pipeline: WanPipeline,
    wanted: Sequence[Request],
    images_HWC: Sequence[np.ndarray],
    steps: int,
    guidance: float,
) -> list[np.ndarray]:
    """Continue from one image each, which becomes frame 0."""
    parts = {k: pipeline.components[k] for k in ("tokenizer", "text_encoder", "vae", "scheduler", "transformer")}
    image_pipeline = WanImageToVideoPipeline(**parts, expand_timesteps=True)
    image_pipeline.set_progress_bar_config(disable=True)
    clips: list[np.ndarray] = []
    for request, image_HWC in zip(wanted, images_HWC, strict=True):
        call = settings([request], steps, guidance) | {"image": Image.fromarray(image_HWC)}
        clips += as_bytes(image_pipeline(**call).frames)
    return clips


def round_trip(pipeline: WanPipeline, scene: Scene) -> np.ndarray:
    """Encode and decode a ground-truth clip."""
    frames_TCHW = torch.from_numpy(render(scene)).permute(0, 3, 1, 2) / 127.5 - 1
    frames_BCTHW = frames_TCHW.transpose(0, 1)[None].to(pipeline.vae.dtype)
    with torch.no_grad():
        decoded = pipeline.vae.decode(pipeline.vae.encode(frames_BCTHW).latent_dist.mode()).sample
    return ((decoded[0].permute(1, 2, 3, 0).float().numpy() + 1) * 127.5).round().clip(0, 255).astype(np.uint8)


def accuracy(clips: Iterable[np.ndarray], scenes: Iterable[Scene]) -> dict[str, float]:
    """Share of right answers per attribute, and of clips right in all of them."""
    rows = [_right(look(c), s) for c, s in zip(clips, scenes, strict=True)]
    return {k: float(np.mean([row[k] for row in rows])) for k in rows[0]}


def _right(seen: Seen, scene: Scene) -> dict[str, bool]:
    right = {a: getattr(seen, a) == getattr(scene, a) for a in ATTRIBUTES}
    return right | {"all": all(right.values())}


def seam_ratio(before: np.ndarray, after: np.ndarray) -> float:
    """Change across the join (frame 0 of ``after`` dropped) over the usual change from frame to frame."""
    joined = np.concatenate([before, after[1:]]).astype(np.float32)
    change_T = np.abs(np.diff(joined, axis=0)).mean((1, 2, 3))
    inside = np.delete(change_T, len(before) - 1).mean()
    return float(change_T[len(before) - 1] / max(inside, 1e-6))


def load(checkpoint: Path) -> WanPipeline:
    """Load the stock pipeline in float32, quietly."""
    diffusers_logging.set_verbosity_error()
    pipeline = WanPipeline.from_pretrained(checkpoint, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def report(name: str, figures: dict[str, float], emit: Callable[[str], None] = print) -> None:
    """Print one row of a Markdown table."""
    emit(f"| {name} | " + " | ".join(f"{v:.3f}" for v in figures.values()) + " |")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--steps", type=int, nargs="+", default=[20])
    parser.add_argument("--guidance", type=float, nargs="+", default=[3.0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--canonical-only", action="store_true")
    parser.add_argument("--continuations", type=int, default=0, help="clips to continue from their last frame")
    parser.add_argument("--round-trips", type=int, default=0, help="ground-truth clips for the VAE alone")
    args = parser.parse_args()
    pipeline = load(args.checkpoint)
    wanted = requests(args.prompts, args.seed, canonical_only=args.canonical_only)
    scenes = [r.scene for r in wanted]
    print("| what | " + " | ".join((*ATTRIBUTES, "all")) + " | s/clip |")
    print("| --- " * (len(ATTRIBUTES) + 3) + "|")
    for steps, guidance in itertools.product(args.steps, args.guidance):
        began_s = time.monotonic()
        clips = from_text(pipeline, wanted, steps, guidance)
        took = {"s": (time.monotonic() - began_s) / len(wanted)}
        report(f"{steps} steps, guidance {guidance:g}", accuracy(clips, scenes) | took)
    if args.continuations:
        first, wanted = clips[: args.continuations], wanted[: args.continuations]
        more = from_image(pipeline, wanted, [c[-1] for c in first], steps, guidance)
        report("continued", accuracy(more, [r.scene for r in wanted]))
        print(f"\nchange at the seam / inside: {np.mean(list(map(seam_ratio, first, more))):.2f}")
    if args.round_trips:
        drawn = [random_scene(random.Random(i)) for i in range(args.round_trips)]
        report("VAE round trip", accuracy((round_trip(pipeline, s) for s in drawn), drawn))


if __name__ == "__main__":
    main()
