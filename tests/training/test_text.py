"""The tokenizer and the embeddings are what the stock pipeline will use."""

import torch
from diffusers import WanPipeline
from transformers import AutoTokenizer

from training.text import MAX_TOKENS, build_text_encoder, build_tokenizer, embed_prompts


def test_unknown_words_case_and_punctuation():
    tokens = build_tokenizer()("A Red xylophone, circle!")
    assert build_tokenizer().convert_ids_to_tokens(tokens.input_ids) == [
        "a", "red", "<unk>", ",", "circle", "<unk>", "</s>",
    ]  # fmt: skip


def test_survives_saving(tmp_path):
    build_tokenizer().save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.pad_token_id, loaded.eos_token_id, loaded.unk_token_id) == (0, 1, 2)
    assert loaded("a blue square").input_ids == build_tokenizer()("a blue square").input_ids


@torch.no_grad()
def test_embeddings_equal_the_pipelines():
    tokenizer = build_tokenizer()
    encoder = build_text_encoder(len(tokenizer)).eval()
    pipeline = WanPipeline(tokenizer=tokenizer, text_encoder=encoder, vae=None, scheduler=None)
    prompts = ["a small red circle moving left", "", "a large cyan square, growing, on a black background"]
    stock_BLD, _ = pipeline.encode_prompt(prompts, do_classifier_free_guidance=False, max_sequence_length=MAX_TOKENS)
    assert torch.allclose(embed_prompts(tokenizer, encoder, prompts), stock_BLD, atol=1e-5)
