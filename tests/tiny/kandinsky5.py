"""A tiny random Kandinsky 5 checkpoint: Qwen2.5-VL and CLIP text encoders, a processor for a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import byte_level, clip_text

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>"]
PROCESSOR = "Qwen2VLProcessor"


def kandinsky5_t2v_lite(folder: Path) -> Path:
    """Saves the layout of kandinskylab/Kandinsky-5.0-T2V-Lite-sft-5s-Diffusers."""
    from diffusers import FlowMatchEulerDiscreteScheduler, Kandinsky5T2VPipeline
    from transformers import Qwen2TokenizerFast

    torch.manual_seed(0)
    pieces = _save_tokenizer(folder / "tokenizer")
    Kandinsky5T2VPipeline(
        transformer=_transformer(),
        vae=_vae(),
        text_encoder=_qwen(pieces),
        tokenizer=Qwen2TokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder_2=clip_text.text_encoder(),
        tokenizer_2=clip_text.tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
    ).save_pretrained(folder)
    return _with_processor(folder)


def _transformer() -> Any:
    from diffusers import Kandinsky5Transformer3DModel

    transformer = Kandinsky5Transformer3DModel(
        in_visual_dim=4, in_text_dim=16, in_text_dim2=16, time_dim=16, out_visual_dim=4, model_dim=32, ff_dim=32,
        num_text_blocks=1, num_visual_blocks=2, axes_dims=(4, 6, 6), visual_cond=True,
    )  # fmt: skip
    for name, parameter in transformer.named_parameters():
        if "modulation" in name:  # zeros before training, with which no text and no time would count
            torch.nn.init.normal_(parameter, std=0.3)
    return transformer.eval()


def _vae() -> Any:
    from diffusers import AutoencoderKLHunyuanVideo

    return AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=2
    ).eval()


def _qwen(pieces: int) -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    rope = {"type": "default", "rope_type": "default", "mrope_section": [2, 1, 1]}
    text = {
        "vocab_size": pieces, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 2048, "initializer_range": 0.5,
        "bos_token_id": 0, "eos_token_id": 0, "rope_scaling": rope,
    }  # fmt: skip
    sight = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
        "fullatt_block_indexes": [0],
    }  # fmt: skip
    config = Qwen2_5_VLConfig(text_config=text, vision_config=sight, image_token_id=3, video_token_id=4)
    return Qwen2_5_VLForConditionalGeneration(config).eval()


def _save_tokenizer(folder: Path) -> int:
    from vgpipe.models.pipeline.stock_source import literals_of

    # Whole words of the instructions, which the pipeline cuts off again.
    template = str(literals_of("Kandinsky5T2VPipeline")["prompt_template"])
    config = {"tokenizer_class": "Qwen2Tokenizer", "processor_class": PROCESSOR, "model_max_length": 2048}
    return byte_level.save(folder, [template], SPECIAL, 700, **config)


def _with_processor(folder: Path) -> Path:
    """Names the tokenizer as the real repo does; the processor itself could not be made without torchvision."""
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", PROCESSOR]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_tokenizer(folder / "tokenizer")
    images = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": PROCESSOR}
    (folder / "tokenizer" / "preprocessor_config.json").write_text(json.dumps(images))
    return folder
