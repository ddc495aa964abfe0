"""Tiny random LTX-Video checkpoints: the layouts of 0.9.0 (LTXPipeline) and of 0.9.7 (LTXConditionPipeline)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.tiny.wan import as_published, save_tokenizer

CHANNELS = 8


def ltx_video_2b(folder: Path) -> Path:
    """Saves the VAE of 0.9.0, which decodes without a timestep, in shards."""
    _pipeline("LTXPipeline", folder, _vae_090(), **DYNAMIC_SHIFT).save_pretrained(folder, max_shard_size="24KB")
    return as_published(folder)


def ltx_video_distilled(folder: Path) -> Path:
    """Saves the VAE of 0.9.5 and later, which decodes at a timestep, and a further fp16 variant."""
    pipeline = _pipeline("LTXConditionPipeline", folder, _vae_097())
    pipeline.save_pretrained(folder)
    pipeline.to(torch.float16).save_pretrained(folder, variant="fp16")
    return as_published(folder)


# As diffusers' converter of 0.9.0 writes it.
DYNAMIC_SHIFT = {
    "use_dynamic_shifting": True, "base_shift": 0.95, "max_shift": 2.05, "base_image_seq_len": 1024,
    "max_image_seq_len": 4096, "shift_terminal": 0.1,
}  # fmt: skip


def _pipeline(class_name: str, folder: Path, vae: Any, **scheduler: Any) -> Any:
    import diffusers
    from transformers import T5Config, T5EncoderModel, T5TokenizerFast

    torch.manual_seed(0)
    pieces = save_tokenizer(folder / "tokenizer")
    text_config = T5Config(
        vocab_size=pieces, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, tie_word_embeddings=False,
    )  # fmt: skip
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=CHANNELS, out_channels=CHANNELS, num_attention_heads=2, attention_head_dim=16,
        cross_attention_dim=32, num_layers=2, caption_channels=32,
    )  # fmt: skip
    return getattr(diffusers, class_name)(
        tokenizer=T5TokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=T5EncoderModel(text_config).eval(),
        vae=vae.eval(),
        transformer=transformer.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(**scheduler),
    )


def _vae_090() -> Any:
    from diffusers import AutoencoderKLLTXVideo

    torch.manual_seed(1)
    sizes, layers, scaling = (4, 4, 8, 8), (1, 1, 1, 1, 1), (True, True, True, False)
    return _uneven(AutoencoderKLLTXVideo(
        latent_channels=CHANNELS, block_out_channels=sizes, decoder_block_out_channels=sizes, layers_per_block=layers,
        decoder_layers_per_block=layers, spatio_temporal_scaling=scaling, decoder_spatio_temporal_scaling=scaling,
    ))  # fmt: skip


def vae_091() -> Any:
    """Returns the VAE of 0.9.1, whose decoder adds noise in its layers."""
    from diffusers import AutoencoderKLLTXVideo

    torch.manual_seed(1)
    vae = AutoencoderKLLTXVideo(
        latent_channels=CHANNELS, block_out_channels=(4, 4, 8, 8), decoder_block_out_channels=(8, 16, 32),
        layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1),
        decoder_spatio_temporal_scaling=(True,) * 3, decoder_inject_noise=(True, True, True, False),
        upsample_residual=(True,) * 3, upsample_factor=(2, 2, 2), timestep_conditioning=True,
    )  # fmt: skip
    for name, parameter in vae.named_parameters():
        if "per_channel_scale" in name:
            torch.nn.init.constant_(parameter, 0.5)
    return _uneven(vae.eval())


def _vae_097() -> Any:
    from diffusers import AutoencoderKLLTXVideo

    torch.manual_seed(1)
    return _uneven(AutoencoderKLLTXVideo(
        latent_channels=CHANNELS, block_out_channels=(4, 4, 8, 8, 8), decoder_block_out_channels=(8, 16, 32),
        down_block_types=("LTXVideo095DownBlock3D",) * 4, layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1), spatio_temporal_scaling=(True,) * 4,
        decoder_spatio_temporal_scaling=(True,) * 3, decoder_inject_noise=(False,) * 4,
        downsample_type=("spatial", "temporal", "spatiotemporal", "spatiotemporal"), upsample_residual=(True,) * 3,
        upsample_factor=(2, 2, 2), timestep_conditioning=True, spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    ))  # fmt: skip


def _uneven(vae: Any) -> Any:
    """Gives the latents a mean and spread of their own, as trained VAEs have."""
    vae.latents_mean.copy_(torch.linspace(-0.3, 0.3, CHANNELS))
    vae.latents_std.copy_(torch.linspace(0.7, 1.3, CHANNELS))
    return vae
