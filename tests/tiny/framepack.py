"""A tiny random FramePack checkpoint: HunyuanVideo's encoders and VAE, SigLIP, and a transformer with a history."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tests.tiny import hunyuan_video, hunyuan_video15

SIDE = 28


def framepack(folder: Path) -> Path:
    """Saves all components in one folder; the transformer's config names its authors' class, as published."""
    from diffusers import FlowMatchEulerDiscreteScheduler, HunyuanVideoFramepackPipeline
    from transformers import CLIPTokenizer, PreTrainedTokenizerFast, SiglipImageProcessor

    torch.manual_seed(0)
    pieces = hunyuan_video._save_llama_tokenizer(folder / "tokenizer")
    HunyuanVideoFramepackPipeline(
        tokenizer=PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=hunyuan_video._llama(pieces),
        tokenizer_2=CLIPTokenizer.from_pretrained(hunyuan_video._save_clip_tokenizer(folder / "tokenizer_2")),
        text_encoder_2=hunyuan_video._clip(),
        transformer=_transformer(),
        vae=hunyuan_video._vae(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=True),
        image_encoder=hunyuan_video15.siglip(),
        feature_extractor=SiglipImageProcessor(size={"height": SIDE, "width": SIDE}),
    ).save_pretrained(folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["feature_extractor"] = ["transformers", "SiglipImageProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    config = json.loads((folder / "transformer/config.json").read_text())
    config["_class_name"] = "HunyuanVideoTransformer3DModelPacked"
    (folder / "transformer/config.json").write_text(json.dumps(config, indent=2))
    return hunyuan_video._as_published(folder)


def _transformer():
    from diffusers import HunyuanVideoFramepackTransformer3DModel

    return HunyuanVideoFramepackTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, mlp_ratio=2.0, text_embed_dim=16, pooled_projection_dim=8,
        rope_axes_dim=(4, 4, 4), has_image_proj=True, image_proj_dim=8, has_clean_x_embedder=True,
    ).eval()  # fmt: skip
