"""The video transformer and its flow-matching loss.

Tensor shapes: B clips, C channels, T latent frames, H and W latent cells, L prompt tokens,
D features.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttnProcessor

from training.vae import LATENT_CHANNELS

FLOW_SHIFT = 3.0
TRAIN_TIMESTEPS = 1000


def build_transformer() -> WanTransformer3DModel:
    """A Wan transformer of 3.3 M parameters: 6 layers, 4 heads of 48."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=4,
        attention_head_dim=48,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        text_dim=96,
        freq_dim=128,
        ffn_dim=512,
        num_layers=6,
        cross_attn_norm=True,
        rope_max_seq_len=64,
    )


class FoldedPadding(WanAttnProcessor):
    """Cross-attention that reads the prompt's padding as one token of higher weight.

    Beyond the prompt all tokens are equal zeros, so attending to n of them is attending to one whose logit is
    higher by log n. Only training uses this, to save time; the numbers are the stock ones.
    """

    def __init__(self, bias_L: torch.Tensor) -> None:
        """Args: bias_L: What to add to the logit of each token."""
        super().__init__()
        self.bias_11L = bias_L[None, None]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, rotary_emb=None):  # type: ignore[no-untyped-def]
        """As the stock processor, with the bias for a mask."""
        bias_11L = self.bias_11L.to(hidden_states.dtype)
        return super().__call__(attn, hidden_states, encoder_hidden_states, bias_11L, rotary_emb)


def fold_padding(transformer: WanTransformer3DModel, kept: int, padded_to: int) -> None:
    """Let a transformer take embeddings cut to ``kept`` tokens as if they were padded to ``padded_to``.

    The last of the kept tokens must be padding in every prompt.
    """
    bias_L = torch.zeros(kept)
    bias_L[-1] = math.log(padded_to - kept + 1)
    for block in transformer.blocks:
        block.attn2.set_processor(FoldedPadding(bias_L))


def draw_sigmas(count: int, spread: float = 1.3) -> torch.Tensor:
    """Noise levels: logit-normal, stratified over the batch, then shifted as the scheduler shifts them.

    Returns:
        sigma_B in (0, 1), where 1 is pure noise.
    """
    quantile_B = (torch.arange(count) + torch.rand(count)) / count
    u_B = torch.sigmoid(spread * torch.special.ndtri(quantile_B.clamp(1e-4, 1 - 1e-4)))
    return FLOW_SHIFT * u_B / (1 + (FLOW_SHIFT - 1) * u_B)


def flow_loss(
    transformer: Callable[..., Any],
    clean_BCTHW: torch.Tensor,
    embeds_BLD: torch.Tensor,
    *,
    first_frame_given: bool,
) -> torch.Tensor:
    """Mean squared error of the predicted velocity ``noise - clean``.

    Args:
        transformer: The (compiled) transformer.
        clean_BCTHW: Normalised latents, float32.
        embeds_BLD: Prompt embeddings.
        first_frame_given: Give the first latent frame clean at timestep 0, as the image-to-video
            pipeline does with ``expand_timesteps``, and leave it out of the loss.
    """
    batch, _, frames, height, width = clean_BCTHW.shape
    sigma_B = draw_sigmas(batch)
    noise_BCTHW = torch.randn_like(clean_BCTHW)
    sigma_B1T11 = sigma_B.view(-1, 1, 1, 1, 1).expand(-1, 1, frames, 1, 1)
    timestep = sigma_B * TRAIN_TIMESTEPS
    if first_frame_given:
        sigma_B1T11 = sigma_B1T11.clone()
        sigma_B1T11[:, :, 0] = 0
        timestep = (sigma_B1T11[:, 0, :, 0] * TRAIN_TIMESTEPS).expand(-1, -1, height * width // 4).flatten(1)
    noisy_BCTHW = torch.lerp(clean_BCTHW, noise_BCTHW, sigma_B1T11)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = transformer(noisy_BCTHW, timestep, embeds_BLD, return_dict=False)[0].float()
    error_BCTHW = predicted - (noise_BCTHW - clean_BCTHW)
    return (error_BCTHW[:, :, 1:] if first_frame_given else error_BCTHW).pow(2).mean()
