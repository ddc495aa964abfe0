"""A tiny random HunyuanVideo-1.5 checkpoint: Qwen2.5-VL and ByT5 text encoders, and a guider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import byte_level

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
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


def _transformer() -> Any:
    from diffusers import HunyuanVideo15Transformer3DModel

    return HunyuanVideo15Transformer3DModel(
        in_channels=9, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2,
        num_refiner_layers=1, mlp_ratio=2.0, text_embed_dim=16, text_embed_2_dim=8, image_embed_dim=8,
        rope_axes_dim=(4, 6, 6), target_size=640, task_type="t2v",
    ).eval()  # fmt: skip


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
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_qwen_tokenizer(folder / "tokenizer")
    return folder
