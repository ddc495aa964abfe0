"""What tokenizers are given is seen, and nothing of them changes."""

from __future__ import annotations

import pytest

from tests.tiny.clip_text import tokenizer
from vgpipe.models.texts.watching import watched

LONG = "a small red circle moving left " * 20


@pytest.fixture(scope="module")
def clip():
    return tokenizer()


def test_only_calls_that_cut_are_seen(clip):
    with watched({"tokenizer": clip, "text_encoder": object()}) as watch:
        clip(LONG, padding="longest")
        assert watch.reading_of(LONG).readers == 0
        ids = clip([LONG], truncation=True, max_length=clip.model_max_length)["input_ids"][0]
        (cut,) = watch.reading_of(LONG).cuts
    assert (cut.tokenizer, cut.read, len(ids)) == ("tokenizer", 77, 77) and isinstance(clip, type(tokenizer()))


def test_a_text_that_a_pipeline_has_changed_is_the_one_that_it_tokenized(clip):
    with watched({"tokenizer": clip}) as watch:
        clip(LONG.upper(), truncation=True, max_length=77)
        clip(LONG.upper(), truncation=True, max_length=77)
    assert len(watch.reading_of(LONG).cuts) == 1
    with watched({"tokenizer": clip}) as watch:
        clip(LONG.upper(), truncation=True, max_length=77)
        clip("another", truncation=True, max_length=77)
    assert watch.reading_of(LONG).cuts == (), "which of them it is cannot be told"


def test_the_class_comes_back_after_an_error(clip):
    before = type(clip)
    with pytest.raises(ZeroDivisionError), watched({"tokenizer": clip}):
        assert type(clip) is not before and type(clip).__name__ == before.__name__
        1 / 0  # noqa: B018
    assert type(clip) is before
