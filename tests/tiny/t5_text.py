"""A tiny T5 tokenizer and text encoder."""

from __future__ import annotations

from typing import Any

import torch

KNOWN = "a small large red blue circle square moving left right on black white background"
WIDTH = 32


def text_encoder() -> Any:
    """Returns a random T5EncoderModel of width 32."""
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(2)
    config = T5Config(
        vocab_size=32, d_model=WIDTH, d_kv=8, d_ff=32, num_layers=1, num_heads=4, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, tie_word_embeddings=False,
    )  # fmt: skip
    return T5EncoderModel(config).eval()


def tokenizer() -> Any:
    """Returns a real T5 tokenizer that knows a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5TokenizerFast, __version__

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"\u2581{word}", -2.0) for word in KNOWN.split())]
    if int(__version__.split(".")[0]) >= 5:
        return T5TokenizerFast(vocab=pieces, extra_ids=0, model_max_length=256)
    made = Tokenizer(models.Unigram(pieces, unk_id=2))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return T5TokenizerFast(tokenizer_object=made, extra_ids=0, model_max_length=256)
