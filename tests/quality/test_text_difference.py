from __future__ import annotations

import numpy as np

from vgpipe.quality.text_difference import text_difference


def embeds(seed: int, tokens: int) -> dict[str, np.ndarray]:
    """Returns embeddings that are padded with zeros to 6 positions, and their mask."""
    values = np.random.default_rng(seed).standard_normal((1, 6, 4)).astype(np.float32)
    values[:, tokens:] = 0
    return {"prompt_embeds": values, "prompt_attention_mask": np.arange(6)[None] < tokens}


def test_other_texts_have_other_embeddings():
    assert text_difference(embeds(0, 3), embeds(1, 4)) > 0.1


def test_the_same_for_every_text_is_found_whatever_the_length():
    assert text_difference(embeds(0, 3), embeds(0, 5)) == 0
    masks = {name: np.ones((1, 6), np.float32) * seed for seed, name in enumerate(["prompt_embeds_mask"])}
    assert text_difference(embeds(0, 3) | masks, embeds(0, 3) | masks) == 0


def test_a_token_that_both_begin_with_hides_nothing():
    one, other = embeds(0, 3), embeds(1, 3)
    other["prompt_embeds"][:, 0] = one["prompt_embeds"][:, 0]
    assert text_difference(one, other) > 0.1


def test_zeros_and_what_is_no_number_count_as_the_same():
    dead = {"prompt_embeds": np.zeros((1, 6, 4), np.float32)}
    assert text_difference(dead, dead) == 0
    broken = {"prompt_embeds": np.full((1, 6, 4), np.nan, np.float32)}
    assert text_difference(embeds(0, 3), broken) == 0


def test_nothing_is_said_where_nothing_can_be_compared():
    assert text_difference({"ids": np.ones((1, 3), int)}, {"ids": np.ones((1, 3), int)}) is None
