"""A tiny random SANA-Video checkpoint: Gemma 2 for the text, Wan's VAE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tests.tiny import wan
from vgpipe.models.pipeline.stock_source import defaults_of

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]


def sana_video(folder: Path) -> Path:
    """Saves the layout of Efficient-Large-Model/SANA-Video_2B_480p_diffusers."""
    from diffusers import AutoencoderKLWan, DPMSolverMultistepScheduler, SanaVideoPipeline
    from transformers import GemmaTokenizerFast

    torch.manual_seed(0)
    pieces = _save_tokenizer(folder / "tokenizer")
    SanaVideoPipeline(
        tokenizer=GemmaTokenizerFast.from_pretrained(folder / "tokenizer"),
        text_encoder=_gemma(pieces),
        vae=AutoencoderKLWan(base_dim=4, num_res_blocks=1).eval(),
        transformer=_transformer(),
        scheduler=DPMSolverMultistepScheduler(flow_shift=8.0, use_flow_sigmas=True, prediction_type="flow_prediction"),
    ).save_pretrained(folder)
    for path in (folder / "tokenizer").iterdir():
        path.unlink()
    _save_tokenizer(folder / "tokenizer")  # as every release of transformers reads it
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "GemmaTokenizerFast"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def _transformer() -> Any:
    from diffusers import SanaVideoTransformer3DModel

    return SanaVideoTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, num_layers=2, num_cross_attention_heads=2,
        cross_attention_head_dim=12, cross_attention_dim=24, caption_channels=16, mlp_ratio=2.0, sample_size=30,
    ).eval()  # fmt: skip


def _gemma(pieces: int) -> Any:
    from transformers import Gemma2Config, Gemma2Model

    return Gemma2Model(Gemma2Config(
        vocab_size=pieces, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, query_pre_attn_scalar=8, initializer_range=0.5,
    )).eval()  # fmt: skip


def _save_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=SPECIAL, show_progress=False)
    # Whole words of the instructions, which would fill the text encoder letter by letter.
    texts = [*defaults_of("SanaVideoPipeline")["complex_human_instruction"], wan.WORDS]
    tokenizer.train_from_iterator([part for text in texts for part in text.split()], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = dict(zip(("pad_token", "eos_token", "bos_token", "unk_token", "mask_token"), SPECIAL, strict=True))
    config = {"tokenizer_class": "GemmaTokenizerFast", "padding_side": "right", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return tokenizer.get_vocab_size()
