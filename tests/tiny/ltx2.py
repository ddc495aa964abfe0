"""Tiny random LTX-2 checkpoints: video and sound, Gemma 3, connectors, a vocoder, and the upsampler beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny.wan import WORDS

VIDEO_CHANNELS, SOUND_CHANNELS, MEL_BINS, HIDDEN, LAYERS = 8, 2, 16, 16, 2
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image_soft_token>", "<start_of_image>", "<end_of_image>"]

# As diffusers' converter writes them: a distilled checkpoint takes its noise levels as they are listed.
SCHEDULER = {"base_shift": 0.95, "max_shift": 2.05, "base_image_seq_len": 1024, "max_image_seq_len": 4096}
WHOLE, DISTILLED = {"use_dynamic_shifting": True, "shift_terminal": 0.1}, {"use_dynamic_shifting": False}


def ltx2(folder: Path) -> Path:
    """Saves the layout of Lightricks/LTX-2."""
    return _saved(folder, **WHOLE)


def ltx2_distilled(folder: Path) -> Path:
    """Saves the layout of rootonchair/LTX-2-19b-distilled."""
    return _saved(folder, **DISTILLED)


def _saved(folder: Path, **scheduler: Any) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, LTX2Pipeline
    from transformers import GemmaTokenizer

    pieces = _save_tokenizer(folder / "tokenizer")
    torch.manual_seed(0)
    LTX2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER, **scheduler),
        vae=_vae(),
        audio_vae=_audio_vae(),
        text_encoder=_gemma(pieces),
        tokenizer=GemmaTokenizer.from_pretrained(folder / "tokenizer"),
        connectors=_connectors(),
        transformer=_transformer(),
        vocoder=_vocoder(),
    ).save_pretrained(folder)
    _upsampler().save_pretrained(folder / "latent_upsampler")
    return _as_published(folder)


def _transformer() -> Any:
    from diffusers import LTX2VideoTransformer3DModel

    sound = SOUND_CHANNELS * MEL_BINS // 4
    return LTX2VideoTransformer3DModel(
        in_channels=VIDEO_CHANNELS, out_channels=VIDEO_CHANNELS, num_attention_heads=2, attention_head_dim=16,
        cross_attention_dim=32, audio_in_channels=sound, audio_out_channels=sound, audio_num_attention_heads=2,
        audio_attention_head_dim=8, audio_cross_attention_dim=16, num_layers=2, caption_channels=HIDDEN,
        rope_double_precision=True, rope_type="split",
    ).eval()  # fmt: skip


def _connectors() -> Any:
    from diffusers.pipelines.ltx2 import LTX2TextConnectors

    return LTX2TextConnectors(
        caption_channels=HIDDEN, text_proj_in_factor=LAYERS + 1, video_connector_num_attention_heads=2,
        video_connector_attention_head_dim=8, video_connector_num_layers=1, video_connector_num_learnable_registers=8,
        audio_connector_num_attention_heads=2, audio_connector_attention_head_dim=8, audio_connector_num_layers=1,
        audio_connector_num_learnable_registers=8, rope_type="split",
    ).eval()  # fmt: skip


def _vae() -> Any:
    from diffusers import AutoencoderKLLTX2Video

    vae = AutoencoderKLLTX2Video(
        latent_channels=VIDEO_CHANNELS, block_out_channels=(4, 4, 8, 8), decoder_block_out_channels=(8, 16, 32),
        layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1), spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    ).eval()  # fmt: skip
    vae.latents_mean.copy_(torch.linspace(-0.3, 0.3, VIDEO_CHANNELS))
    vae.latents_std.copy_(torch.linspace(0.7, 1.3, VIDEO_CHANNELS))
    return vae


def _audio_vae() -> Any:
    from diffusers import AutoencoderKLLTX2Audio

    vae = AutoencoderKLLTX2Audio(
        base_channels=8, ch_mult=(1, 1, 1), num_res_blocks=1, resolution=32, latent_channels=SOUND_CHANNELS,
        mel_bins=MEL_BINS,
    ).eval()  # fmt: skip
    vae.latents_mean.copy_(torch.linspace(-0.2, 0.4, vae.latents_mean.numel()))
    vae.latents_std.copy_(torch.linspace(0.8, 1.1, vae.latents_std.numel()))
    return vae


def _vocoder() -> Any:
    from diffusers.pipelines.ltx2 import LTX2Vocoder

    return LTX2Vocoder(in_channels=2 * MEL_BINS, hidden_channels=32, resnet_kernel_sizes=[3],
                       resnet_dilations=[[1, 3]]).eval()  # fmt: skip


def _upsampler() -> Any:
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    return LTX2LatentUpsamplerModel(
        in_channels=VIDEO_CHANNELS, mid_channels=32, num_blocks_per_stage=1, use_rational_resampler=False
    ).eval()


def _gemma(pieces: int) -> Any:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = {
        "vocab_size": pieces, "hidden_size": HIDDEN, "intermediate_size": 16, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 2048,
        "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"], "initializer_range": 0.5,
    }  # fmt: skip
    vision = {
        "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 28,
        "patch_size": 14,
    }  # fmt: skip
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=5, boi_token_index=6,
        eoi_token_index=7,
    )  # fmt: skip
    return Gemma3ForConditionalGeneration(config).eval()


def _save_tokenizer(folder: Path) -> int:
    """Saves a tokenizer of a few words, as every release of transformers reads it, and returns its size."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trained = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(
        [f"{word} " for word in WORDS.split()],
        trainers.BpeTrainer(vocab_size=400, special_tokens=trained, show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "GemmaTokenizer", "model_max_length": 1024, "padding_side": "left", "pad_token": "<pad>",
        "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>", "add_bos_token": True,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return int(tokenizer.get_vocab_size())


def _as_published(folder: Path) -> Path:
    """Names the tokenizer as the real repo does, whatever the installed transformers calls it, and returns `folder`."""
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "GemmaTokenizer"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_tokenizer(folder / "tokenizer")
    return folder
