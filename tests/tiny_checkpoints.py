"""Builds tiny random checkpoints with diffusers' and transformers' own classes."""

from __future__ import annotations

from pathlib import Path

import torch


def save_tiny_wan(folder: Path, words: list[str], *, seed: int = 0) -> Path:
    """Saves a random Wan text-to-video pipeline into `folder` and returns it."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(seed)
    text_config = UMT5Config(
        vocab_size=len(words), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4, is_encoder_decoder=False
    )
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[True, True],
        is_residual=True, patch_size=2, in_channels=12, out_channels=12,
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4, scale_factor_spatial=8, scale_factor_temporal=4,
    )  # fmt: skip
    transformer = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=32, freq_dim=16,
        ffn_dim=32, num_layers=2, rope_max_seq_len=32,
    )  # fmt: skip
    WanPipeline(
        tokenizer=_tokenizer(words),
        text_encoder=UMT5EncoderModel(text_config).eval(),
        vae=vae.eval(),
        transformer=transformer.eval(),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        expand_timesteps=True,
    ).save_pretrained(folder)
    return folder


def _tokenizer(words: list[str]) -> object:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
