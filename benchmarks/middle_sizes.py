"""Random models of a few hundred megabytes, one of each family, in the layout of the real repos.

The tiny checkpoint of an option is built as the tests build it; then its components are built again from their own
configs with larger sizes.

usage: python -m benchmarks.middle_sizes OPTION FOLDER
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import tiny

Changes = dict[str, Any]

T5_WIDTH = 768
T5: Changes = {"d_model": T5_WIDTH, "d_kv": 64, "d_ff": 2048, "num_layers": 8, "num_heads": 12}
CLIP_WIDTH = 768
CLIP: Changes = {
    "hidden_size": CLIP_WIDTH,
    "intermediate_size": 3072,
    "num_hidden_layers": 8,
    "num_attention_heads": 12,
}
LLAMA: Changes = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 12,
    "num_key_value_heads": 12, "initializer_range": 0.02,
}  # fmt: skip
UNET: Changes = {"block_out_channels": (192, 384), "norm_num_groups": 32, "cross_attention_dim": CLIP_WIDTH}
IMAGE_VAE: Changes = {"block_out_channels": (64, 128), "norm_num_groups": 32}
WAN: Changes = {
    "num_attention_heads": 12, "attention_head_dim": 64, "ffn_dim": 3072, "num_layers": 8, "text_dim": T5_WIDTH,
    "freq_dim": 256,
}  # fmt: skip


@dataclass(frozen=True)
class Middle:
    """A model of middle size.

    Attributes:
        components: component -> what is larger in its config.
        clip: width, height and frames of the clip to make.
        dtype: that its weights are saved in.
    """

    components: dict[str, Changes]
    clip: tuple[int, int, int]
    dtype: str = "float32"


MIDDLE: dict[str, Middle] = {
    "wan21_t2v_1_3b": Middle(
        {"text_encoder": T5, "transformer": WAN, "vae": {"base_dim": 32}}, (256, 256, 5)
    ),
    "wan21_vace_1_3b": Middle(
        {"text_encoder": T5, "transformer": WAN | {"num_layers": 6}, "vae": {"base_dim": 32}}, (192, 192, 9), "bfloat16"
    ),
    "cogvideox_5b": Middle(
        {
            "text_encoder": T5,
            "transformer": {
                "num_attention_heads": 12, "attention_head_dim": 64, "num_layers": 12, "text_embed_dim": T5_WIDTH,
                "time_embed_dim": 256,
            },
            "vae": {"block_out_channels": (32, 64, 64, 64), "norm_num_groups": 16},
        },
        (256, 192, 9),
        "bfloat16",
    ),
    "hunyuan_video": Middle(
        {
            "text_encoder": LLAMA,
            "text_encoder_2": CLIP,
            "transformer": {
                "num_attention_heads": 6, "attention_head_dim": 128, "num_layers": 4, "num_single_layers": 4,
                "mlp_ratio": 4.0, "text_embed_dim": 768, "pooled_projection_dim": CLIP_WIDTH,
                "rope_axes_dim": (16, 56, 56),
            },
            "vae": {"block_out_channels": (32, 32, 64, 64), "norm_num_groups": 16},
        },
        (192, 192, 9),
        "bfloat16",
    ),
    "hunyuan_video_15": Middle(
        {
            "text_encoder": LLAMA | {"layer_types": None, "rope_scaling": {
                "type": "default", "rope_type": "default", "mrope_section": [8, 12, 12]}},
            "text_encoder_2": {"d_model": 256, "d_kv": 64, "d_ff": 512, "num_layers": 4, "num_heads": 4},
            "transformer": {
                "num_attention_heads": 6, "attention_head_dim": 128, "num_layers": 6, "mlp_ratio": 4.0,
                "text_embed_dim": 768, "text_embed_2_dim": 256, "rope_axes_dim": (16, 56, 56),
            },
            "vae": {"block_out_channels": (32, 32, 32, 64, 64)},
        },
        (256, 256, 5),
        "bfloat16",
    ),
    "ltx_video_2b": Middle(
        {
            "text_encoder": T5,
            "transformer": {
                "num_attention_heads": 12, "attention_head_dim": 64, "cross_attention_dim": 768, "num_layers": 12,
                "caption_channels": T5_WIDTH,
            },
            "vae": {"block_out_channels": (32, 64, 128, 128), "decoder_block_out_channels": (32, 64, 128, 128)},
        },
        (512, 512, 17),
    ),
    "ltx_video_distilled": Middle(
        {
            "text_encoder": T5,
            "transformer": {
                "num_attention_heads": 12, "attention_head_dim": 64, "cross_attention_dim": 768, "num_layers": 12,
                "caption_channels": T5_WIDTH,
            },
            "vae": {"block_out_channels": (32, 64, 128, 128, 128), "decoder_block_out_channels": (64, 128, 256)},
        },
        (512, 512, 17),
        "bfloat16",
    ),
    "text_to_video_ms": Middle(
        {"text_encoder": CLIP, "unet": UNET | {"attention_head_dim": 64}, "vae": IMAGE_VAE}, (96, 96, 8)
    ),
    "animatediff_sd15": Middle(
        {
            "text_encoder": CLIP,
            "unet": UNET | {"attention_head_dim": 8},
            "vae": IMAGE_VAE,
            "adapter": {"block_out_channels": (192, 384), "motion_norm_num_groups": 32},
        },
        (96, 96, 8),
    ),
    "mochi_1_preview": Middle(
        {
            "text_encoder": T5,
            "transformer": {
                "num_attention_heads": 12, "attention_head_dim": 64, "num_layers": 8, "pooled_projection_dim": 768,
                "text_embed_dim": T5_WIDTH, "time_embed_dim": 256,
            },
            "vae": {"decoder_block_out_channels": (32, 64, 64, 64)},
        },
        (192, 192, 7),
        "bfloat16",
    ),
}  # fmt: skip


def build(option: str, folder: Path) -> Path:
    """Builds the model of middle size of an option into `folder` and returns it."""
    import torch

    torch.manual_seed(0)
    tiny.build(option, folder)
    for component, changes in MIDDLE[option].components.items():
        _enlarge(folder / component, changes, MIDDLE[option].dtype)
    return folder


def _enlarge(place: Path, changes: Changes, dtype: str) -> None:
    """Puts a component of the same class and other sizes in the place of one."""
    import torch

    config = json.loads((place / "config.json").read_text())
    for path in place.iterdir():
        path.unlink()
    with torch.no_grad():
        module = _made(config, changes).to(getattr(torch, dtype))
    module.save_pretrained(place)
    logging.info("%s: %d MiB", place, sum(one.nbytes for one in module.parameters()) >> 20)


def _made(config: Changes, changes: Changes) -> Any:
    if "_class_name" in config:
        loader = getattr(importlib.import_module("diffusers"), config["_class_name"])
        return loader.from_config({**config, **changes})
    import transformers

    loader = getattr(transformers, config["architectures"][0])
    return loader(loader.config_class.from_dict({**config, **changes}))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    build(sys.argv[1], target)
