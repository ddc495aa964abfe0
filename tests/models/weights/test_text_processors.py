from __future__ import annotations

import json

import pytest

from tests.tiny.kandinsky5 import SPECIAL, _save_tokenizer
from vgpipe.errors import ModelError
from vgpipe.models.texts.watching import watched
from vgpipe.models.weights.text_processors import is_processor, open_text_processor

TEXTS = ["a small red circle", "blue <|im_end|>"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processor")
    _save_tokenizer(folder)
    return folder


def test_a_processor_stands_for_a_tokenizer_by_its_class(place):
    assert is_processor("tokenizer", "Qwen2VLProcessor") and not is_processor("tokenizer", "Qwen2TokenizerFast")
    assert not is_processor("processor", "Qwen2VLProcessor")


def test_its_tokens_are_those_of_the_tokenizer_and_are_seen(place):
    from transformers import Qwen2TokenizerFast

    opened = open_text_processor("Qwen2VLProcessor", place)
    own = Qwen2TokenizerFast.from_pretrained(place)(TEXTS, padding=True, truncation=True, max_length=6)
    with watched({"tokenizer": opened}) as watch:
        given = opened(text=TEXTS, images=None, videos=None, padding=True, truncation=True, max_length=6)
    assert dict(given) == dict(own) and opened.pad_token == SPECIAL[0]
    assert [cut.read for cut in watch.reading_of(TEXTS[0]).cuts] == [6]


def test_images_and_folders_without_a_tokenizer_are_refused(place, tmp_path):
    opened = open_text_processor("Qwen2VLProcessor", place)
    with pytest.raises(ModelError, match="only texts are read"):
        opened(text=TEXTS, images=["image"])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Qwen2VLProcessor"}))
    with pytest.raises(ModelError, match="needs a tokenizer"):
        open_text_processor("Qwen2VLProcessor", tmp_path)
