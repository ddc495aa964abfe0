"""The text side of the checkpoint: a word-level tokenizer and a two-layer UMT5 encoder.

Tensor shapes: B prompts, L tokens, D features.
"""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from training.prompts import vocabulary

MAX_TOKENS = 64
SPECIAL = ("<pad>", "</s>", "<unk>")


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Lower-case, split at spaces and punctuation, one id per word of :func:`prompts.vocabulary`."""
    ids = {word: i for i, word in enumerate((*SPECIAL, *vocabulary()))}
    words = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    words.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", ids["</s>"])])
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
        padding_side="right",
    )


def build_text_encoder(vocab_size: int) -> UMT5EncoderModel:
    """A UMT5 encoder of 0.19 M parameters, trained together with the transformer."""
    config = UMT5Config(
        vocab_size=vocab_size,
        d_model=96,
        d_kv=24,
        d_ff=192,
        num_layers=2,
        num_heads=4,
        relative_attention_max_distance=64,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    return UMT5EncoderModel(config)


def embed_prompts(
    tokenizer: PreTrainedTokenizerFast, encoder: UMT5EncoderModel, prompts: Sequence[str]
) -> torch.Tensor:
    """What ``WanPipeline.encode_prompt(..., max_sequence_length=64)`` gives, with gradients.

    The pipeline pads with zeros after the last real token; cross-attention has no mask, so the zeros count.
    Here the encoder only runs up to the longest prompt, which gives the same numbers in less time.

    Returns:
        embeds_BLD, L = 64.
    """
    tokens = tokenizer(list(prompts), padding="longest", max_length=MAX_TOKENS, truncation=True, return_tensors="pt")
    embeds_BLD = encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    embeds_BLD = embeds_BLD * tokens.attention_mask[..., None]
    return torch.nn.functional.pad(embeds_BLD, (0, 0, 0, MAX_TOKENS - embeds_BLD.shape[1]))
