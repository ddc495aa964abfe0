"""A tiny random MiniMax-H3 checkpoint: blocks of a modular pipeline, Qwen3-VL, a VAE of video and one of sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import byte_level
from tests.tiny.wan import WORDS

REPO = "MiniMaxAI/MiniMax-H3"
SPECIAL = ["<|endoftext|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
VIDEO_CHANNELS, SOUND_CHANNELS, HIDDEN = 4, 8, 16
LAYERS = 51  # the pipeline reads what comes out of the 50th
SAMPLE_RATE_HZ, HOP = 8000, (2, 4, 5, 5)  # 40 latents a second, as the pipeline takes it


def minimax_h3(folder: Path) -> Path:
    """Saves the layout of MiniMaxAI/MiniMax-H3, but for the denoiser of references, which no text needs."""
    from diffusers import MiniMaxH3Scheduler

    torch.manual_seed(0)
    pieces = byte_level.save(
        folder / "tokenizer", [WORDS], SPECIAL, 300, tokenizer_class="Qwen2Tokenizer", model_max_length=4096
    )
    parts = {
        "transformer": _transformer(), "vae": _vae(), "audio_vae": _audio_vae(), "text_encoder": _qwen(pieces),
        "scheduler": MiniMaxH3Scheduler(shift=12.0), "audio_scheduler": MiniMaxH3Scheduler(shift=3.0),
    }  # fmt: skip
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    (folder / "processor").mkdir()
    (folder / "processor" / "processor_config.json").write_text('{"processor_class": "Qwen3VLProcessor"}')
    (folder / "modular_model_index.json").write_text(json.dumps(index(), indent=2))
    return folder


def index() -> dict[str, Any]:
    """Returns what diffusers saves as modular_model_index.json."""
    classes = {
        "audio_scheduler": ("diffusers", "MiniMaxH3Scheduler"),
        "audio_vae": ("diffusers", "AutoencoderKLMiniMaxH3Audio"),
        "processor": ("transformers", "Qwen3VLProcessor"),
        "scheduler": ("diffusers", "MiniMaxH3Scheduler"),
        "text_encoder": ("transformers", "Qwen3VLForConditionalGeneration"),
        "tokenizer": ("transformers", "Qwen2TokenizerFast"),
        "transformer": ("diffusers", "MiniMaxH3Transformer3DModel"),
        "transformer_ref": ("diffusers", "MiniMaxH3Transformer3DModel"),
        "vae": ("diffusers", "AutoencoderKLMiniMaxH3"),
    }
    told = {
        name: [None, None, {
            "pretrained_model_name_or_path": REPO, "revision": None, "subfolder": name, "type_hint": list(of),
            "variant": None,
        }]
        for name, of in classes.items()
    }  # fmt: skip
    names = {"_blocks_class_name": "MiniMaxH3Blocks", "_class_name": "MiniMaxH3ModularPipeline"}
    return {**names, **told, "canvas_max_pixels": 1032192, "canvas_short_edge": 768, "reference_image_short_edge": 2048}


def _transformer() -> Any:
    from diffusers import MiniMaxH3Transformer3DModel

    return MiniMaxH3Transformer3DModel(
        num_attention_heads=2, attention_head_dim=32, hidden_size=32, num_layers=2, num_refiner_layers=1, ffn_dim=32,
        in_channels=VIDEO_CHANNELS, audio_in_channels=SOUND_CHANNELS, text_dim=HIDDEN, freq_dim=16,
        time_embed_hidden_dim=32, time_embed_dim=16, rope_freq_dim=4,
    ).eval()  # fmt: skip


def _vae() -> Any:
    from diffusers import AutoencoderKLMiniMaxH3

    return AutoencoderKLMiniMaxH3(
        latent_channels=VIDEO_CHANNELS, block_out_channels=(8, 8, 8, 8), layers_per_block=1,
        spatial_downsample_factors=(2, 2, 2, 2), temporal_downsample_factors=(1, 2, 2, 1), norm_num_groups=4,
        decoder_num_layers=1, decoder_num_attention_heads=2, decoder_attention_head_dim=8,
        latents_mean=torch.linspace(-0.3, 0.3, VIDEO_CHANNELS).tolist(),
        latents_std=torch.linspace(0.7, 1.3, VIDEO_CHANNELS).tolist(),
    ).eval()  # fmt: skip


def _audio_vae() -> Any:
    from diffusers import AutoencoderKLMiniMaxH3Audio

    return AutoencoderKLMiniMaxH3Audio(
        encoder_dim=4, encoder_rates=HOP, latent_dim=16, latent_channels=SOUND_CHANNELS, num_attention_heads=2,
        decoder_dim=32, decoder_rates=(5, 5, 4, 2), decoder_kernel_sizes=(9, 9, 8, 4), resblock_kernel_sizes=(3,),
        resblock_dilation_sizes=((1, 3),), sampling_rate=SAMPLE_RATE_HZ,
        latents_mean=torch.linspace(-0.2, 0.4, SOUND_CHANNELS).tolist(),
        latents_std=torch.linspace(0.8, 1.1, SOUND_CHANNELS).tolist(),
    ).eval()  # fmt: skip


def _qwen(pieces: int) -> Any:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    text = {
        "vocab_size": pieces, "hidden_size": HIDDEN, "intermediate_size": 16, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 4096,
        "initializer_range": 0.3, "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1],
                                                      "mrope_interleaved": True, "rope_theta": 10000.0},
    }  # fmt: skip
    sight = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": HIDDEN,
        "deepstack_visual_indexes": [0], "num_position_embeddings": 16,
    }  # fmt: skip
    config = Qwen3VLConfig(
        text_config=text, vision_config=sight, image_token_id=1, video_token_id=2, vision_start_token_id=3,
        vision_end_token_id=4,
    )  # fmt: skip
    return Qwen3VLForConditionalGeneration(config).eval()
