"""Train the transformer and the text encoder together on cached latents.

    python -m training.train_transformer --latents runs/latents --out runs/transformer

Resumes from the checkpoint in ``--out``.

Tensor shapes: B clips, C channels, T, H and W latent axes, L prompt tokens, D text features.
"""

import argparse
import copy
import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from training.cache_latents import LatentCache, load_cache
from training.denoiser import build_transformer, flow_loss, fold_padding
from training.loop import Plan, launch, train
from training.muon import optimizer_for
from training.prompts import prompt_for
from training.text import MAX_TOKENS, build_text_encoder, build_tokenizer, embed_prompts

EMPTY_SHARE = 0.1
EMA_DECAY = 0.998
KEPT_TOKENS = 30  # longer than any prompt of training


@dataclass(frozen=True)
class Batches:
    """Clips of one process and step; continuation costs more per clip, so its batch is smaller.

    Attributes:
        from_text: Clips of a step that starts from noise alone.
        from_frame: Clips of a step whose first latent frame is given.
        from_frame_every: One batch in so many, counted over two processes, is of the second kind.
    """

    from_text: int = 40
    from_frame: int = 30
    from_frame_every: int = 4


def draw_clips(cache: LatentCache, rng: random.Random, count: int) -> tuple[torch.Tensor, list[str]]:
    """Random cached latents, each rolled by whole cells around the torus, with fresh prompts.

    Returns:
        clean_BCTHW, float32, and as many prompts, some of them empty for classifier-free guidance.
    """
    chosen = [rng.randrange(len(cache.scenes)) for _ in range(count)]
    rows, columns = cache.latents.shape[-2:]
    rolled = [cache.latents[i].roll((rng.randrange(rows), rng.randrange(columns)), (-2, -1)) for i in chosen]
    prompts = ["" if rng.random() < EMPTY_SHARE else prompt_for(cache.scenes[i], rng) for i in chosen]
    return torch.stack(rolled).float(), prompts


@torch.no_grad()
def follow(averages: dict[str, nn.Module], modules: dict[str, nn.Module], step: int) -> None:
    """Move the averaged weights a little towards the trained ones."""
    weight = max(1 - EMA_DECAY, 1 / (step + 1))
    for name, average in averages.items():
        torch._foreach_lerp_(list(average.parameters()), list(modules[name].parameters()), weight)


def run(rank: int, plan: Plan, batches: Batches, latents: Path, out: Path, compiled: bool) -> None:
    """Train in one process."""
    torch.manual_seed(plan.seed)
    cache = load_cache(latents)
    tokenizer = build_tokenizer()
    modules = {"transformer": build_transformer(), "text_encoder": build_text_encoder(len(tokenizer))}
    fold_padding(modules["transformer"], KEPT_TOKENS, MAX_TOKENS)
    averages = {name: copy.deepcopy(m).requires_grad_(False) for name, m in modules.items()}
    optimizer = optimizer_for(modules.values(), plan.lr)
    transformer = torch.compile(modules["transformer"], dynamic=False) if compiled else modules["transformer"]

    def loss_of(step: int, rng: random.Random) -> dict[str, torch.Tensor]:
        given = (2 * step + rank) % batches.from_frame_every == 0
        clean_BCTHW, prompts = draw_clips(cache, rng, batches.from_frame if given else batches.from_text)
        embeds_BLD = embed_prompts(tokenizer, modules["text_encoder"], prompts)[:, :KEPT_TOKENS]
        with sdpa_kernel(SDPBackend.MATH):  # the flash backward on CPU is far slower
            return {"loss": flow_loss(transformer, clean_BCTHW, embeds_BLD, first_frame_given=given)}

    saved = modules | {f"average_{name}": m for name, m in averages.items()}
    path = out / "transformer.pt"
    train(plan, rank, path, saved, optimizer, loss_of, after_step=lambda step: follow(averages, modules, step))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latents", type=Path, required=True, help="folder of cache_latents")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--steps", type=int, default=6750)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-compile", action="store_true", help="skip torch.compile, which needs a C++ compiler")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    plan = Plan(args.steps, args.lr, warmup_steps=200, seed=args.seed)
    launch(run, args.processes, plan, Batches(), args.latents, args.out, not args.no_compile)


if __name__ == "__main__":
    main()
