"""Encode many random scenes once, so that the transformer trains on latents.

    python -m training.cache_latents --vae runs/vae/full.pt --out runs/latents

Tensor shapes: B clips, C channels, T latent frames, H and W latent cells.
"""

import argparse
import logging
from dataclasses import astuple, dataclass
from pathlib import Path

import torch

from training.loop import Plan, launch, load_checkpoint, rng_of
from training.vae import build_vae, encode_moments
from training.world import Scene, random_scene, render_batch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LatentCache:
    """Normalised latents with their scenes.

    Attributes:
        latents: (B, C, T, H, W), float16, zero mean and unit variance per channel.
        scenes: One per latent.
        mean: (C,) channel means before normalisation, for the VAE's config.
        std: (C,) channel standard deviations before normalisation, for the VAE's config.
    """

    latents: torch.Tensor
    scenes: list[Scene]
    mean: torch.Tensor
    std: torch.Tensor


def write_shard(rank: int, vae_checkpoint: Path, out: Path, count: int, batch: int, seed: int) -> None:
    """Encode ``count`` scenes into ``out/shard-<rank>.pt``."""
    vae = build_vae().eval()
    load_checkpoint(vae_checkpoint, {"vae": vae})
    plan = Plan(steps=0, lr=0, seed=seed)
    latents, scenes = [], []
    for step in range(count // batch):
        rng = rng_of(plan, step, rank)
        drawn = [random_scene(rng) for _ in range(batch)]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            mean_BCTHW, _ = encode_moments(vae, render_batch(drawn).contiguous(memory_format=torch.channels_last_3d))
        latents.append(mean_BCTHW.half())
        scenes += [astuple(s) for s in drawn]
        if step % 100 == 0:
            log.info("encoded %d of %d", len(scenes), count)
    torch.save({"latents": torch.cat(latents), "scenes": scenes}, out / f"shard-{rank}.pt")


def load_cache(folder: Path) -> LatentCache:
    """Read all shards of a folder and normalise them."""
    shards = [torch.load(p, weights_only=True) for p in sorted(folder.glob("shard-*.pt"))]
    latents_BCTHW = torch.cat([s["latents"] for s in shards])
    scenes = [Scene(*fields) for s in shards for fields in s["scenes"]]
    sample = latents_BCTHW[:4000].float()
    mean_C, std_C = sample.mean((0, 2, 3, 4)), sample.std((0, 2, 3, 4))
    view = (1, -1, 1, 1, 1)
    normal = torch.cat([((x.float() - mean_C.view(view)) / std_C.view(view)).half() for x in latents_BCTHW.split(1000)])
    return LatentCache(normal, scenes, mean_C, std_C)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", type=Path, required=True, help="checkpoint of train_vae")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--count", type=int, default=8000, help="scenes per process")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    launch(write_shard, args.processes, args.vae, args.out, args.count, args.batch, args.seed)


if __name__ == "__main__":
    main()
