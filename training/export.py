"""Write the trained parts as a diffusers checkpoint that ``WanPipeline.from_pretrained`` loads.

python -m training.export --vae VAE.pt --latents FOLDER --transformer TRANSFORMER.pt --out vgpipe/weights/shapes
"""

import argparse
import json
from pathlib import Path

import torch
from diffusers import UniPCMultistepScheduler, WanPipeline
from torch import nn

from training.cache_latents import load_cache
from training.denoiser import FLOW_SHIFT, TRAIN_TIMESTEPS, build_transformer
from training.loop import load_checkpoint
from training.text import build_text_encoder, build_tokenizer
from training.vae import build_vae


def build_pipeline(vae_checkpoint: Path, latents: Path, transformer_checkpoint: Path) -> WanPipeline:
    """Assemble the stock pipeline from training checkpoints, with averaged weights, in float32.

    Args:
        vae_checkpoint: Written by train_vae.
        latents: Folder of cache_latents, for the channel statistics in the VAE's config.
        transformer_checkpoint: Written by train_transformer.
    """
    tokenizer = build_tokenizer()
    vae, transformer, text_encoder = build_vae(), build_transformer(), build_text_encoder(len(tokenizer))
    load_checkpoint(vae_checkpoint, {"vae": vae})
    averages = {"average_transformer": transformer, "average_text_encoder": text_encoder}
    load_checkpoint(transformer_checkpoint, averages)
    cache = load_cache(latents)
    mean, std = ([round(v, 5) for v in x.tolist()] for x in (cache.mean, cache.std))
    vae.register_to_config(latents_mean=mean, latents_std=std)
    scheduler = UniPCMultistepScheduler(
        num_train_timesteps=TRAIN_TIMESTEPS,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=FLOW_SHIFT,
    )
    parts = {"vae": vae, "transformer": transformer, "text_encoder": text_encoder}
    for part in parts.values():
        _make_contiguous(part.eval())
    return WanPipeline(**parts, tokenizer=tokenizer, scheduler=scheduler, expand_timesteps=True)


def _make_contiguous(module: nn.Module) -> None:
    """Undo the channels-last layout, which safetensors cannot hold."""
    for p in module.parameters():
        p.data = p.data.contiguous()


def _compute_in_float32(config: Path) -> None:
    """Make a plain from_pretrained compute in float32: transformers goes by the config, diffusers does so anyway."""
    values = json.loads(config.read_text()) | {"dtype": "float32"}
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--latents", type=Path, required=True)
    parser.add_argument("--transformer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pipeline = build_pipeline(args.vae, args.latents, args.transformer)
    pipeline.to(torch.float16).save_pretrained(args.out, safe_serialization=True)
    _compute_in_float32(args.out / "text_encoder" / "config.json")


if __name__ == "__main__":
    main()
