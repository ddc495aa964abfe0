"""Tiny random HunyuanVideo-1.5 checkpoints: Qwen2.5-VL and ByT5 text encoders, and a guider; for images, SigLIP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import byte_level

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SIDE = 28
BUCKETS = 48
"""The side of a square of nine patches: the stock pipeline makes an image 64x32, 48x48 or 32x64 of it."""
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def hunyuan_video_15(folder: Path) -> Path:
    """Saves the layout of hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_t2v, in shards."""
    from diffusers import ClassifierFreeGuidance, FlowMatchEulerDiscreteScheduler, HunyuanVideo15Pipeline
    from transformers import ByT5Tokenizer, Qwen2TokenizerFast

    torch.manual_seed(0)
    pieces = _save_qwen_tokenizer(folder / "tokenizer")
    HunyuanVideo15Pipeline(
        tokenizer=Qwen2TokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=_qwen(pieces),
        tokenizer_2=ByT5Tokenizer(),
        text_encoder_2=_byt5(),
        transformer=_transformer().to(torch.bfloat16),  # a layer of 2048 x 2048 is fixed in its code
        vae=_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
        guider=ClassifierFreeGuidance(guidance_scale=6.0),
    ).save_pretrained(folder, max_shard_size="150KB")
    return _as_published(folder)


def hunyuan_video_15_i2v(folder: Path) -> Path:
    """Saves the layout of hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v."""
    return _from_image(folder, shift=5.0, guidance_scale=6.0)


def hunyuan_video_15_480p_distilled(folder: Path) -> Path:
    """Saves the layout of hunyuanvideo-community/HunyuanVideo-1.5-Diffusers-480p_i2v_step_distilled."""
    return _from_image(folder, shift=7.0, guidance_scale=1.0, use_meanflow=True)


def _from_image(folder: Path, *, shift: float, guidance_scale: float, **transformer: Any) -> Path:
    from diffusers import ClassifierFreeGuidance, FlowMatchEulerDiscreteScheduler, HunyuanVideo15ImageToVideoPipeline
    from transformers import ByT5Tokenizer, Qwen2TokenizerFast, SiglipImageProcessor

    torch.manual_seed(0)
    pieces = _save_qwen_tokenizer(folder / "tokenizer")
    HunyuanVideo15ImageToVideoPipeline(
        tokenizer=Qwen2TokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=_qwen(pieces),
        tokenizer_2=ByT5Tokenizer(),
        text_encoder_2=_byt5(),
        transformer=_transformer(task_type="i2v", target_size=BUCKETS, **transformer).to(torch.bfloat16),
        vae=_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        guider=ClassifierFreeGuidance(guidance_scale=guidance_scale),
        image_encoder=siglip(),
        feature_extractor=SiglipImageProcessor(size={"height": SIDE, "width": SIDE}),
    ).save_pretrained(folder, max_shard_size="150KB")
    return _as_published(folder)


def siglip() -> Any:
    """Returns a random SiglipVisionModel that sees pictures of 28x28."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    return SiglipVisionModel(SiglipVisionConfig(
        hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=14,
    )).eval()  # fmt: skip


def _qwen(pieces: int) -> Any:
    from transformers import Qwen2_5_VLTextModel
    from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig

    return Qwen2_5_VLTextModel(Qwen2_5_VLTextConfig(
        vocab_size=pieces, hidden_size=16, intermediate_size=16, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=2048, initializer_range=0.5, bos_token_id=0, eos_token_id=0,
        rope_scaling={"type": "default", "rope_type": "default", "mrope_section": [2, 1, 1]},
    )).eval()  # fmt: skip


def _byt5() -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(T5Config(
        vocab_size=384, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, tie_word_embeddings=False,
    )).eval()  # fmt: skip


def _transformer(**changes: Any) -> Any:
    from diffusers import HunyuanVideo15Transformer3DModel

    small = {
        "in_channels": 9, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2,
        "num_refiner_layers": 1, "mlp_ratio": 2.0, "text_embed_dim": 16, "text_embed_2_dim": 8, "image_embed_dim": 8,
        "rope_axes_dim": (4, 6, 6), "target_size": 640, "task_type": "t2v",
    }  # fmt: skip
    return HunyuanVideo15Transformer3DModel(**small | changes).eval()


def _vae() -> Any:
    from diffusers import AutoencoderKLHunyuanVideo15

    return AutoencoderKLHunyuanVideo15(
        latent_channels=4, block_out_channels=(8, 8, 8, 8, 8), layers_per_block=1, downsample_match_channel=False,
        upsample_match_channel=False,
    ).eval()  # fmt: skip


def _save_qwen_tokenizer(folder: Path) -> int:
    import inspect

    from diffusers import HunyuanVideo15Pipeline

    # Whole words of the system message, so that it ends about where the pipeline cuts it off.
    defaults = inspect.signature(HunyuanVideo15Pipeline._get_mllm_prompt_embeds).parameters
    texts = [defaults["system_message"].default]
    return byte_level.save(
        folder, texts, SPECIAL, 700, tokenizer_class="Qwen2TokenizerFast", model_max_length=2048, chat_template=CHAT
    )


def _as_published(folder: Path) -> Path:
    """Names the tokenizer as the real repo does, whatever the installed transformers calls it."""
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "Qwen2TokenizerFast"]
    if "feature_extractor" in index:
        index["feature_extractor"] = ["transformers", "SiglipImageProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_qwen_tokenizer(folder / "tokenizer")
    return folder
