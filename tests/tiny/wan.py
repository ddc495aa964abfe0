"""Tiny random checkpoints of the Wan options, in the layout of the real repos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WORDS = "a small large red blue circle square moving left right on black white background"
SPECIAL = ("<pad>", "</s>", "<unk>")
SHARD_SIZE = "48KB"


def t2v_1_3b(folder: Path) -> Path:
    """Wan 2.1 1.3B, with an additional fp16 variant."""
    _text_to_video(folder).to(torch.float16).save_pretrained(folder, variant="fp16")
    _text_to_video(folder).save_pretrained(folder)
    return as_published(folder)


def t2v_14b(folder: Path) -> Path:
    """Wan 2.1 14B, sharded."""
    _text_to_video(folder).save_pretrained(folder, max_shard_size=SHARD_SIZE)
    return as_published(folder)


def t2v_a14b(folder: Path) -> Path:
    """Wan 2.2 A14B: two experts."""
    _text_to_video(folder, experts=2, boundary_ratio=0.875).save_pretrained(folder)
    return as_published(folder)


def ti2v_5b(folder: Path) -> Path:
    """Wan 2.2 TI2V 5B: 48 channels at a sixteenth of the size, a timestep for each token."""
    channels = 48
    ramp = [(index % 7 - 3) / 10 for index in range(channels)]
    residual = {
        "z_dim": channels, "is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12,
        "decoder_base_dim": 6, "scale_factor_spatial": 16, "scale_factor_temporal": 4,
        "latents_mean": ramp, "latents_std": [1 + abs(value) for value in ramp],
    }  # fmt: skip
    _text_to_video(folder, channels=channels, vae=residual, expand_timesteps=True).save_pretrained(folder)
    return as_published(folder)


def _text_to_video(
    folder: Path, *, channels: int = 16, experts: int = 1, vae: dict[str, Any] | None = None, **index: Any
) -> Any:
    from diffusers import WanPipeline, WanTransformer3DModel

    torch.manual_seed(0)
    names = ("transformer", "transformer_2")[:experts]
    experts_made = {name: WanTransformer3DModel(**sizes(channels)).eval() for name in names}
    return WanPipeline(**shared_parts(folder, **(vae or {})), **experts_made, **index)


def sizes(channels: int = 16) -> dict[str, Any]:
    """Returns the smallest transformer that has every part of a real one."""
    return {
        "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": channels, "out_channels": channels,
        "text_dim": 32, "freq_dim": 16, "ffn_dim": 32, "num_layers": 2,
    }  # fmt: skip


def shared_parts(folder: Path, **vae: Any) -> dict[str, Any]:
    """Returns what all Wan checkpoints have beside their transformers."""
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler
    from transformers import T5TokenizerFast, UMT5Config, UMT5EncoderModel

    pieces = save_tokenizer(folder / "tokenizer")
    text_config = UMT5Config(vocab_size=pieces, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=4)
    return {
        "tokenizer": T5TokenizerFast.from_pretrained(folder / "tokenizer"),
        "text_encoder": UMT5EncoderModel(text_config).eval(),
        "vae": AutoencoderKLWan(**({"base_dim": 4, "num_res_blocks": 1} | vae)).eval(),
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    }


def save_tokenizer(folder: Path) -> int:
    """Saves a T5 tokenizer of a few words, as every release of transformers reads it, and returns its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    pieces = [(token, 0.0) for token in SPECIAL] + [(f"▁{word}", -2.0) for word in WORDS.split()]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "T5Tokenizer", "extra_ids": 0, "model_max_length": 512,
        "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return len(pieces)


def as_published(folder: Path) -> Path:
    """Names the tokenizer as the real repos do, whatever the installed transformers calls it, and returns `folder`."""
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "T5TokenizerFast"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    save_tokenizer(folder / "tokenizer")
    return folder
