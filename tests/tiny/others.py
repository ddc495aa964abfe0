"""Tiny random checkpoints of pipelines that no family is written for: Mochi and Latte."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.tiny.t5_text import WIDTH, text_encoder, tokenizer


def mochi(folder: Path) -> Path:
    """Saves a MochiPipeline, whose schedule cannot have one step, in shards."""
    from diffusers import AutoencoderKLMochi, FlowMatchEulerDiscreteScheduler, MochiPipeline, MochiTransformer3DModel

    torch.manual_seed(0)
    transformer = MochiTransformer3DModel(
        patch_size=2, num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16,
        in_channels=12, qk_norm="rms_norm", text_embed_dim=WIDTH, time_embed_dim=4, max_sequence_length=16,
    )  # fmt: skip
    vae = AutoencoderKLMochi(
        latent_channels=12, out_channels=3, encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32), layers_per_block=(1, 1, 1, 1, 1),
    )  # fmt: skip
    MochiPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True), vae=vae.eval(), text_encoder=text_encoder(),
        tokenizer=tokenizer(), transformer=transformer.eval(),
    ).save_pretrained(folder, max_shard_size="1MB")  # fmt: skip
    return folder


def latte(folder: Path) -> Path:
    """Saves a LattePipeline, which cuts the negative prompt to the length of the prompt; it makes 4 frames."""
    from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel

    torch.manual_seed(0)
    transformer = LatteTransformer3DModel(
        sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=2, caption_channels=WIDTH,
        in_channels=4, cross_attention_dim=16, out_channels=8, attention_bias=True, activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6,
        video_length=4,
    )  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    LattePipeline(
        tokenizer=tokenizer(), text_encoder=text_encoder(), vae=vae.eval(), transformer=transformer.eval(),
        scheduler=DDIMScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder
