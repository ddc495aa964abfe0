"""Tiny random checkpoints of Wan's image-to-video options, in the layout of the real repos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import clip_text
from tests.tiny.wan import SHARD_SIZE, as_published, shared_parts, sizes

LATENT, MASK = 16, 4
SIDE, PATCH = 28, 14
IMAGE_TOKENS = (SIDE // PATCH) ** 2 + 1
WIDTH = 16


def i2v_14b(folder: Path) -> Path:
    """Wan 2.1 I2V 14B: a CLIP encoder, and latents of the image as further channels."""
    return _with_clip(folder, clip_image_processor())


def flf2v_14b(folder: Path) -> Path:
    """Wan 2.1 FLF2V 14B: the same with learned positions for two images, and a whole CLIPProcessor."""
    from transformers import CLIPProcessor

    processor = CLIPProcessor(image_processor=clip_image_processor(), tokenizer=clip_text.tokenizer())
    _with_clip(folder, processor, pos_embed_seq_len=2 * IMAGE_TOKENS)
    (folder / "image_processor/processor_config.json").unlink(missing_ok=True)  # as newer versions of transformers do
    clip_image_processor().save_pretrained(folder / "image_processor")
    return folder


def i2v_a14b(folder: Path) -> Path:
    """Wan 2.2 I2V A14B: two experts, and no CLIP encoder."""
    from diffusers import WanImageToVideoPipeline

    torch.manual_seed(0)
    experts = {name: _transformer() for name in ("transformer", "transformer_2")}
    parts = {**shared_parts(folder), "image_encoder": None, "image_processor": None}
    WanImageToVideoPipeline(**parts, **experts, boundary_ratio=0.9).save_pretrained(folder)
    return as_published(folder)


def _with_clip(folder: Path, processor: Any, **changes: Any) -> Path:
    from diffusers import WanImageToVideoPipeline

    torch.manual_seed(0)
    transformer = _transformer(image_dim=WIDTH, added_kv_proj_dim=24, **changes)
    if transformer.condition_embedder.image_embedder.pos_embed is not None:
        torch.nn.init.normal_(transformer.condition_embedder.image_embedder.pos_embed)  # zeros would prove nothing
    pipeline = WanImageToVideoPipeline(
        **shared_parts(folder), transformer=transformer, image_encoder=clip_image_encoder(), image_processor=processor
    )
    pipeline.save_pretrained(folder, max_shard_size=SHARD_SIZE)
    return _with_published_processor(as_published(folder))


def _transformer(**changes: Any) -> Any:
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel(**sizes() | {"in_channels": 2 * LATENT + MASK} | changes).eval()


def clip_image_encoder() -> Any:
    """Returns a random CLIPVisionModelWithProjection that sees pictures of 28x28."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=32, projection_dim=8, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, patch_size=PATCH, hidden_act="gelu", initializer_factor=4.0,
    )).eval()  # fmt: skip


def clip_image_processor() -> Any:
    """Returns the settings that pictures are prepared with for it."""
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def _with_published_processor(folder: Path) -> Path:
    """Names the image processor as the real repos do, whatever the installed transformers calls it."""
    index = json.loads((folder / "model_index.json").read_text())
    library, name = index["image_processor"]
    index["image_processor"] = [library, name.removesuffix("Pil").removesuffix("Fast")]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder
