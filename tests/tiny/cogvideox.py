"""Tiny random CogVideoX checkpoints: the layouts of 2b, 5b, 5b-I2V and 1.5-5B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

WORDS = ("a", "small", "large", "red", "blue", "circle", "square", "moving", "left", "right")
CHANNELS = 4


def cogvideox_2b(folder: Path) -> Path:
    """Saves fixed positions and an SNR shift of 3, as 2b has them, and a further fp16 variant."""
    pipeline = _pipeline("CogVideoXPipeline", _transformer(), _vae(1.15258426), snr_shift_scale=3.0)
    pipeline.save_pretrained(folder)
    pipeline.to(torch.float16).save_pretrained(folder, variant="fp16")
    return folder


def cogvideox_5b(folder: Path) -> Path:
    """Saves rotary positions, in shards, as 5b has them."""
    transformer = _transformer(use_rotary_positional_embeddings=True)
    pipeline = _pipeline("CogVideoXPipeline", transformer, _vae(0.7), snr_shift_scale=1.0)
    pipeline.save_pretrained(folder, max_shard_size="20KB")
    return folder


def cogvideox_5b_i2v(folder: Path) -> Path:
    """Saves rotary and learned positions and twice the channels, as 5b-I2V has them; it makes 48x32, 9 frames."""
    transformer = _transformer(
        in_channels=2 * CHANNELS, use_rotary_positional_embeddings=True, use_learned_positional_embeddings=True,
        sample_width=6, sample_height=4, sample_frames=9,
    )  # fmt: skip
    # What is learned differs from the sines that it started from.
    transformer.patch_embed.pos_embedding.add_(torch.randn_like(transformer.patch_embed.pos_embedding))
    pipeline = _pipeline("CogVideoXImageToVideoPipeline", transformer, _vae(0.7), snr_shift_scale=1.0)
    pipeline.save_pretrained(folder)
    return folder


def cogvideox15_5b(folder: Path) -> Path:
    """Saves patches of two latent frames, as 1.5-5B has them."""
    transformer = _transformer(
        use_rotary_positional_embeddings=True, patch_size_t=2, patch_bias=False, sample_width=300, sample_height=300,
        sample_frames=81,
    )  # fmt: skip
    vae = _vae(0.7, invert_scale_latents=True)
    _pipeline("CogVideoXPipeline", transformer, vae, snr_shift_scale=1.0).save_pretrained(folder)
    return folder


def _transformer(**changes: Any) -> Any:
    from diffusers import CogVideoXTransformer3DModel

    torch.manual_seed(0)
    sizes = {
        "num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2, "text_embed_dim": 32,
        "time_embed_dim": 16, "in_channels": CHANNELS, "out_channels": CHANNELS, "sample_width": 4,
        "sample_height": 4, "sample_frames": 9,
    }  # fmt: skip
    return CogVideoXTransformer3DModel(**{**sizes, **changes}).eval()


def _vae(scaling_factor: float, **changes: Any) -> Any:
    from diffusers import AutoencoderKLCogVideoX

    torch.manual_seed(1)
    return AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=CHANNELS, norm_num_groups=2,
        sample_height=32, sample_width=48, scaling_factor=scaling_factor, **changes,
    ).eval()  # fmt: skip


def _pipeline(class_name: str, transformer: Any, vae: Any, *, snr_shift_scale: float) -> Any:
    import diffusers

    scheduler = diffusers.CogVideoXDDIMScheduler(
        clip_sample=False, prediction_type="v_prediction", rescale_betas_zero_snr=True,
        snr_shift_scale=snr_shift_scale, timestep_spacing="trailing",
    )  # fmt: skip
    return getattr(diffusers, class_name)(
        tokenizer=_tokenizer(), text_encoder=_text_encoder(), vae=vae, transformer=transformer, scheduler=scheduler
    )


def _text_encoder() -> Any:
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(2)
    config = T5Config(
        vocab_size=32, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, tie_word_embeddings=False,
    )  # fmt: skip
    return T5EncoderModel(config).eval()


def _tokenizer() -> Any:
    import transformers

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"\u2581{word}", -2.0) for word in WORDS)]
    if int(transformers.__version__.split(".")[0]) >= 5:
        return transformers.T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=226)
    return _tokenizer_of_transformers_4(pieces)


def _tokenizer_of_transformers_4(pieces: list[tuple[str, float]]) -> Any:
    """There T5Tokenizer reads SentencePiece files alone, so it is its fast sister."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5TokenizerFast

    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=0, model_max_length=226)
