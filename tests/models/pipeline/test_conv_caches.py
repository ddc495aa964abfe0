"""Convolution caches that are let go of as they are used: the same bits from less memory."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderKLCogVideoX, AutoencoderKLMochi

from vgpipe.memory.live_bytes import LiveBytes
from vgpipe.models.pipeline.conv_caches import release_used_caches

SMALL = {
    AutoencoderKLCogVideoX: {
        "block_out_channels": (8, 8, 8, 16),
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "down_block_types": ("CogVideoXDownBlock3D",) * 4,
        "up_block_types": ("CogVideoXUpBlock3D",) * 4,
        "temporal_compression_ratio": 4,
    },
    AutoencoderKLMochi: {
        "encoder_block_out_channels": (32, 32, 32, 32),
        "decoder_block_out_channels": (32, 32, 32, 32),
        "latent_channels": 4,
        "layers_per_block": (1, 1, 1, 1, 1),
    },
}
MOST = {AutoencoderKLCogVideoX: 0.95, AutoencoderKLMochi: 1.0}  # Mochi's peak is elsewhere at this size


def decoded(vae, latents) -> tuple[torch.Tensor, int]:
    live = LiveBytes()
    with torch.no_grad(), live:
        frames = vae.decode(latents, return_dict=False)[0]
    return frames, live.top.peak_bytes


@pytest.mark.parametrize("vae_class", SMALL)
def test_the_same_frames_come_from_less_memory(vae_class):
    torch.manual_seed(0)
    vae = vae_class(**SMALL[vae_class]).eval()
    if hasattr(vae, "use_framewise_decoding"):
        vae.use_framewise_decoding = True
    latents = torch.randn(1, 4, 7, 6, 6)
    stock, stock_bytes = decoded(vae, latents)
    release_used_caches(vae)
    frames, taken_bytes = decoded(vae, latents)
    assert torch.equal(frames, stock)
    assert taken_bytes <= stock_bytes * MOST[vae_class], (taken_bytes, stock_bytes)
    again, _ = decoded(vae, latents)
    assert torch.equal(again, stock)


def test_a_vae_without_caches_gets_no_hooks():
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    release_used_caches(vae)
    assert not vae.decoder._forward_pre_hooks and not vae.encoder._forward_pre_hooks
