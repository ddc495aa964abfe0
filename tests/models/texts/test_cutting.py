"""Where tokenizers stop reading: exactly where they cut when they are asked to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vgpipe.models.texts.cutting import UNLIMITED, Passage, cuts_in

WORDS = [
    "a",
    "small",
    "large",
    "red",
    "blue",
    "circle",
    "square",
    "moving",
    "left",
    "right",
    "on",
    "black",
    "white",
    "background",
]


@pytest.fixture(scope="module")
def fast():
    """A tokenizer with a token in front and one at the end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["<s>", "</s>", "<unk>", "!", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(name, vocabulary[name]) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    made.enable_truncation(3)  # as a tokenizer.json may have it
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", pad_token="</s>", model_max_length=9)


def slow(fast):
    """The same without offsets, as tokenizers written in Python are."""

    class Slow:
        is_fast, num_special_tokens_to_add = False, staticmethod(lambda pair: 2)

        def __call__(self, text, *, add_special_tokens, verbose):
            return {"input_ids": fast(text, add_special_tokens=add_special_tokens)["input_ids"]}

    return Slow()


def of(text: str) -> Passage:
    return Passage(text, 0, len(text))


def test_a_cut_lies_where_truncation_puts_it(fast):
    text = " ".join(WORDS)
    (found,) = cuts_in(fast, [of(text)], 9, adds_special=True)
    assert (found.read, found.of) == (9, len(WORDS) + 2)
    truncated = fast(text, truncation=True, max_length=9)["input_ids"]
    assert fast(text[: found.at], add_special_tokens=True)["input_ids"] == truncated
    assert text[found.at :].startswith("moving")


def test_a_text_that_fits_to_the_last_token_is_not_cut(fast):
    seven = " ".join(WORDS[:7])
    assert cuts_in(fast, [of(seven), of(f"{seven} on"), of("")], 9, adds_special=True)[::2] == [None, None]
    assert cuts_in(fast, [of(f"{seven} on")], 9, adds_special=True) != [None]
    assert cuts_in(fast, [of("a " * 99)], UNLIMITED, adds_special=True) == [None]


@pytest.mark.parametrize(
    "text", [" ".join(WORDS), "red " * 40, "red!" * 20, "a\n\n\n small   large " * 5, "zebra " * 9]
)
def test_a_tokenizer_without_offsets_gives_the_same(fast, text):
    passages = [of(text), Passage(f"on white {text} left", 9, 9 + len(text))]
    assert cuts_in(slow(fast), passages, 9, adds_special=True) == cuts_in(fast, passages, 9, adds_special=True)


def test_instructions_around_a_text_count_for_nothing(fast):
    whole = "on white background red blue circle left right"
    (found,) = cuts_in(fast, [Passage(whole, 20, 35)], 7, adds_special=True)
    assert (found.read, found.of, whole[20:][found.at :]) == (2, 5, "circle left right")
    assert cuts_in(fast, [Passage(whole, 20, 35)], 8, adds_special=True) == [None], "only what follows the text is cut"


def test_what_is_read_names_texts_that_are_one_to_the_model(fast):
    one, same, other = ("red " * 9 + "left", "red " * 9 + "right", "red " * 5 + "left " * 5)
    found = [cut.same for cut in cuts_in(fast, [of(one), of(same), of(other)], 9, adds_special=True)]
    assert found[0] == found[1] != found[2]


def test_few_texts_are_tokenized_as_a_whole(fast):
    asked, real = [], fast.backend_tokenizer

    def encode_batch(texts, **options):
        asked.append(list(texts))
        return real.encode_batch(texts, **options)

    backend = SimpleNamespace(encode_batch=encode_batch, no_truncation=real.no_truncation, no_padding=real.no_padding)
    spied = SimpleNamespace(
        is_fast=True, backend_tokenizer=backend, num_special_tokens_to_add=fast.num_special_tokens_to_add
    )
    texts = ["red blue " * number for number in range(9)]
    assert [one is not None for one in cuts_in(spied, [of(text) for text in texts], 12, adds_special=True)] == [
        number > 5 for number in range(9)
    ]
    assert sorted(asked[0]) == [" blue", " red"] and len(asked[1]) == 4
