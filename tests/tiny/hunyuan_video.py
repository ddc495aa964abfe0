"""A tiny random HunyuanVideo checkpoint: LLaMA and CLIP text encoders, embedded guidance."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch

from tests.tiny import byte_level

BEGIN = "<|begin_of_text|>"
SPECIAL = ["<|end_of_text|>", BEGIN, "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


def hunyuan_video(folder: Path) -> Path:
    """Saves the layout of hunyuanvideo-community/HunyuanVideo in shards, with a further fp16 variant."""
    from diffusers import FlowMatchEulerDiscreteScheduler, HunyuanVideoPipeline
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast

    torch.manual_seed(0)
    pieces = _save_llama_tokenizer(folder / "tokenizer")
    pipeline = HunyuanVideoPipeline(
        tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=_llama(pieces),
        tokenizer_2=CLIPTokenizer.from_pretrained(_save_clip_tokenizer(folder / "tokenizer_2")),
        text_encoder_2=_clip(),
        transformer=_transformer(),
        vae=_vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
    )
    pipeline.save_pretrained(folder, max_shard_size="100KB")
    pipeline.to(torch.float16).save_pretrained(folder, variant="fp16")
    return _as_published(folder)


def _llama(pieces: int) -> Any:
    from transformers import LlamaConfig, LlamaModel

    return LlamaModel(LlamaConfig(
        vocab_size=pieces, hidden_size=16, intermediate_size=16, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=512, initializer_range=0.5,
    )).eval()  # fmt: skip


def _clip() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(
        vocab_size=54, hidden_size=8, intermediate_size=8, projection_dim=8, num_hidden_layers=1,
        num_attention_heads=2, hidden_act="quick_gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1,
    )).eval()  # fmt: skip


def _transformer() -> Any:
    from diffusers import HunyuanVideoTransformer3DModel

    return HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, mlp_ratio=2.0, text_embed_dim=16, pooled_projection_dim=8,
        rope_axes_dim=(4, 4, 4),
    ).eval()  # fmt: skip


def _vae() -> Any:
    from diffusers import AutoencoderKLHunyuanVideo

    return AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=2
    ).eval()


def _save_llama_tokenizer(folder: Path) -> int:
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE

    texts = [DEFAULT_PROMPT_TEMPLATE["template"]]
    return byte_level.save(
        folder, texts, SPECIAL, 700, begin=BEGIN, tokenizer_class="LlamaTokenizerFast", model_max_length=512
    )


def _save_clip_tokenizer(folder: Path) -> Path:
    """Saves single letters, within a word and at its end."""
    letters = [letter + end for end in ("", "</w>") for letter in string.ascii_lowercase]
    vocabulary = {token: index for index, token in enumerate([*letters, "<|startoftext|>", "<|endoftext|>"])}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))
    return folder


def _as_published(folder: Path) -> Path:
    """Names the tokenizer as the real repo does; under that name transformers 5 would save other splits."""
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "LlamaTokenizerFast"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_llama_tokenizer(folder / "tokenizer")
    return folder
