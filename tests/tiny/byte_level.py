"""A tiny byte-level BPE tokenizer, as Llama 3 and Qwen have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def save(
    folder: Path, texts: list[str], special: list[str], vocabulary: int, *, begin: str | None = None, **config: Any
) -> int:
    """Saves a tokenizer trained on a few texts, as every release of transformers reads it, and returns its size.

    Args:
        folder: made where it is missing.
        texts: what it learns whole words from.
        special: tokens that are never split; the first pads.
        vocabulary: tokens at most.
        begin: one of `special` that every text begins with; None where there is none.
        config: for tokenizer_config.json.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    if begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, tokenizer.token_to_id(begin))]
        )
        config["bos_token"] = begin
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"pad_token": special[0], "eos_token": special[0], "padding_side": "right", **config}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()
