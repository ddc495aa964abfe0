"""A tiny CLIP tokenizer and text encoder, as Stable Diffusion and ModelScope have them."""

from __future__ import annotations

from typing import Any

import torch

KNOWN = "a small large red blue circle square moving left right on black white background"
LENGTH = 77


def tokenizer() -> Any:
    """Returns a real CLIPTokenizer whose byte pairs spell a few words."""
    import transformers

    vocabulary, merges = _byte_pairs()
    if int(transformers.__version__.split(".")[0]) >= 5:
        return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=LENGTH)
    return _tokenizer_of_transformers_4(vocabulary, merges)


def text_encoder() -> Any:
    """Returns a random CLIPTextModel of width 16."""
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(2)
    vocabulary, _ = _byte_pairs()
    config = CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, projection_dim=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=LENGTH, initializer_factor=4.0,
        bos_token_id=vocabulary["<|startoftext|>"], eos_token_id=vocabulary["<|endoftext|>"],
    )  # fmt: skip
    return CLIPTextModel(config).eval()


def _byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    symbols = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in KNOWN.split():
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        for end in range(1, len(pieces)):
            pair = ("".join(pieces[:end]), pieces[end])
            if pair not in merges:
                merges.append(pair)
                symbols.append("".join(pair))
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    return {symbol: index for index, symbol in enumerate(dict.fromkeys(symbols))}, merges


def _tokenizer_of_transformers_4(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Any:
    """There CLIPTokenizer reads its files alone."""
    import json
    import tempfile
    from pathlib import Path

    from transformers import CLIPTokenizer

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
        lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
        Path(folder, "merges.txt").write_text("\n".join(lines), encoding="utf-8")
        return CLIPTokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt", model_max_length=LENGTH)


def save_clip_model(folder: Any) -> None:
    """Saves a random CLIPModel that sees pictures of 32x32, with its tokenizer and image settings."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(3)
    vocabulary, _ = _byte_pairs()
    width = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": vocabulary["<|startoftext|>"], "eos_token_id": vocabulary["<|endoftext|>"]}
    text = {**width, **ends, "vocab_size": len(vocabulary), "max_position_embeddings": LENGTH}
    config = CLIPConfig(text_config=text, vision_config={**width, "image_size": 32, "patch_size": 8}, projection_dim=8)
    CLIPModel(config).eval().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPImageProcessor(**size).save_pretrained(folder)
