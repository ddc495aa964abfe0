"""Train the video autoencoder: small short canvases first, then whole clips, last the decoder alone.

    python -m training.train_vae --out runs/vae

Latents can be cached from ``full.pt`` already: the last phase, ``decoder.pt``, leaves the encoder as it is.

Resumes from the checkpoints in ``--out``. Tensor shapes: B clips, C channels, T frames, H height, W width.
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from torch import nn

from training.loop import Plan, launch, load_checkpoint, train
from training.muon import optimizer_for
from training.vae import LATENT_CELL_PX, build_vae, decode_unclamped, encode_moments
from training.world import coverage, random_scene, render_batch

LATENT_NOISE = 0.1
DECODER_LATENT_NOISE = 0.2
EDGE_WEIGHT = 6.0


@dataclass(frozen=True)
class Stage:
    """One phase of the training.

    Attributes:
        name: Of the checkpoint.
        canvas_px: Side of the torus.
        num_frames: Of a clip, from its start.
        batch: Clips of one process and step.
        plan: Steps and learning rate.
        latent_noise: Standard deviation of the noise that the decoder must forgive.
        frozen: Parts that stay as they are.
    """

    name: str
    canvas_px: int
    num_frames: int
    batch: int
    plan: Plan
    latent_noise: float = LATENT_NOISE
    frozen: tuple[str, ...] = ()


def vae_loss(vae: AutoencoderKLWan, rng: random.Random, stage: Stage) -> dict[str, torch.Tensor]:
    """Reconstruction of random scenes, weighted towards outlines, with noisy and rolled latents.

    The noise makes the decoder forgive the denoiser's errors. The roll teaches that the world is a torus:
    latents moved by whole cells decode to the moved clip, so cached latents can be augmented by rolling.
    """
    canvas_px, num_frames = stage.canvas_px, stage.num_frames
    scenes = [random_scene(rng, canvas_px=canvas_px) for _ in range(stage.batch)]
    frames_BCTHW = render_batch(scenes, canvas_px, num_frames)
    weight_B1THW = 1 + EDGE_WEIGHT * edge_band(coverage(scenes, canvas_px, num_frames)[:, None])
    cells = canvas_px // LATENT_CELL_PX
    roll = (rng.randrange(cells), rng.randrange(cells)) if rng.random() < 0.5 else (0, 0)
    roll_px = tuple(n * LATENT_CELL_PX for n in roll)
    with torch.autocast("cpu", torch.bfloat16):
        mean, log_variance = encode_moments(vae, frames_BCTHW.contiguous(memory_format=torch.channels_last_3d))
        noisy = mean + stage.latent_noise * torch.randn_like(mean)
        decoded_BCTHW = decode_unclamped(vae, noisy.roll(roll, (-2, -1)))
    frames_BCTHW, weight_B1THW = (x.roll(roll_px, (-2, -1)) for x in (frames_BCTHW, weight_B1THW))
    error = decoded_BCTHW - frames_BCTHW
    pixel = (weight_B1THW * (error.abs() + error**2)).mean()
    slope = sum((weight_B1THW.narrow(d, 1, error.shape[d] - 1) * error.diff(dim=d).abs()).mean() for d in (2, 3, 4))
    prior = mean.pow(2).mean() + (log_variance - 2 * torch.tensor(LATENT_NOISE).log()).pow(2).mean()
    psnr_db = -10 * (error.detach().pow(2).mean() / 4).log10()
    return {
        "loss": pixel + 0.5 * slope + 1e-3 * prior,
        "pixel": pixel,
        "psnr_db": psnr_db,
        "power": mean.pow(2).mean(),
    }


def edge_band(cover_B1THW: torch.Tensor) -> torch.Tensor:
    """One within two pixels of the object's outline, zero elsewhere."""
    kernel, padding = (1, 5, 5), (0, 2, 2)
    highest = nn.functional.max_pool3d(cover_B1THW, kernel, stride=1, padding=padding)
    lowest = -nn.functional.max_pool3d(-cover_B1THW, kernel, stride=1, padding=padding)
    return (highest - lowest > 0.5).float()


def run_stage(rank: int, stage: Stage, start_from: Path | None, out: Path) -> None:
    """Train one phase in one process, from the end of the phase before."""
    torch.manual_seed(stage.plan.seed)
    vae = build_vae()
    if start_from is not None:
        load_checkpoint(start_from, {"vae": vae})
    for part in stage.frozen:
        getattr(vae, part).requires_grad_(False)
    optimizer = optimizer_for([vae], stage.plan.lr)

    def loss_of(step: int, rng: random.Random) -> dict[str, torch.Tensor]:
        return vae_loss(vae, rng, stage)

    train(stage.plan, rank, out / f"{stage.name}.pt", {"vae": vae}, optimizer, loss_of)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--small-steps", type=int, default=1400)
    parser.add_argument("--full-steps", type=int, default=900)
    parser.add_argument("--decoder-steps", type=int, default=600)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    small = Stage("small", 32, 9, 16, Plan(args.small_steps, args.lr, seed=args.seed))
    full = Stage("full", 64, 17, 4, Plan(args.full_steps, args.lr / 2, seed=args.seed + 1))
    launch(run_stage, args.processes, small, None, args.out)
    launch(run_stage, args.processes, full, args.out / "small.pt", args.out)
    plan = Plan(args.decoder_steps, args.lr / 4, seed=args.seed + 2)
    decoder = Stage("decoder", 64, 17, 4, plan, DECODER_LATENT_NOISE, frozen=("encoder", "quant_conv"))
    launch(run_stage, args.processes, decoder, args.out / "full.pt", args.out)


if __name__ == "__main__":
    main()
